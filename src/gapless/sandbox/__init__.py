"""The sandbox: the only place where code that a model has written is run.

    programs --Sandbox.run_all--> verdicts: passed, failed, timed_out, out_of_memory, ...

    this process                     bubblewrap: namespaces of its own, no host, no network
      sandbox.py   starts it           inside.py   sets limits, drops rights, runs the program,
      watching.py  reads, stops it                 says how it ended
      verdicts.py  what came of it     system_calls.py   no processes, no sockets

`Sandbox.choose()` proves that the sandbox holds by a program that tries to get out, and refuses
when it does not: there is no way around it. What is held, and what is not: docs/sandbox.md.
"""

from gapless.errors import SandboxError
from gapless.sandbox.sandbox import Sandbox
from gapless.sandbox.verdicts import Kind, Limits, Verdict

__all__ = ["Kind", "Limits", "Sandbox", "SandboxError", "Verdict"]
