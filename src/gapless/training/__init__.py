"""Training: one loop. A variant is a schedule, a hook, a parameter group or an order.

    order, stores --batches--> step's arrays --loop--> model, steps.jsonl, measurements, checkpoints

    loop.py        the loop, top to bottom        compute.py     device, precision, accumulation
    optimizer.py   AdamW and its groups           checkpoints.py saved and loaded state
    borders.py     whether documents of a row are kept apart

Resume is an integer: the step. Row k of the order does not depend on how the run got there.
"""
