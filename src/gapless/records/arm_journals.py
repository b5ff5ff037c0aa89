"""What the journals in an arm's folder are called.

measurements.jsonl  a row per probe and metric      steps.jsonl     a row per step
observations.jsonl  what hooks saw at the probes    speed.jsonl     where the time goes (watched.py)
mixture.jsonl       decisions of the mixture        faults.jsonl    steps that went wrong
samples.jsonl       what it wrote at some probes    average.jsonl   the averaged model, at the end
"""

MEASUREMENTS, OBSERVATIONS, STEPS = "measurements.jsonl", "observations.jsonl", "steps.jsonl"
SPEED, MIXTURE, FAULTS = "speed.jsonl", "mixture.jsonl", "faults.jsonl"
AVERAGE, SAMPLES = "average.jsonl", "samples.jsonl"
WHILE_TRAINING = (MEASUREMENTS, SAMPLES, OBSERVATIONS, STEPS, SPEED, MIXTURE, FAULTS)
