"""Signals and ends of processes by name."""

from schemas.decode.fields import signal

# By signal, what si_code means; under 0, the codes of all signals.
CODES: dict[int, dict[int, str]] = {
    0: {
        0: "SI_USER",
        0x80: "SI_KERNEL",
        -1: "SI_QUEUE",
        -2: "SI_TIMER",
        -3: "SI_MESGQ",
        -4: "SI_ASYNCIO",
        -5: "SI_SIGIO",
        -6: "SI_TKILL",
        -7: "SI_DETHREAD",
        -60: "SI_ASYNCNL",
    },
    4: {
        1: "ILL_ILLOPC",
        2: "ILL_ILLOPN",
        3: "ILL_ILLADR",
        4: "ILL_ILLTRP",
        5: "ILL_PRVOPC",
        6: "ILL_PRVREG",
        7: "ILL_COPROC",
        8: "ILL_BADSTK",
    },
    5: {1: "TRAP_BRKPT", 2: "TRAP_TRACE", 3: "TRAP_BRANCH", 4: "TRAP_HWBKPT", 5: "TRAP_UNK", 6: "TRAP_PERF"},
    7: {1: "BUS_ADRALN", 2: "BUS_ADRERR", 3: "BUS_OBJERR", 4: "BUS_MCEERR_AR", 5: "BUS_MCEERR_AO"},
    8: {
        1: "FPE_INTDIV",
        2: "FPE_INTOVF",
        3: "FPE_FLTDIV",
        4: "FPE_FLTOVF",
        5: "FPE_FLTUND",
        6: "FPE_FLTRES",
        7: "FPE_FLTINV",
        8: "FPE_FLTSUB",
    },
    11: {1: "SEGV_MAPERR", 2: "SEGV_ACCERR", 3: "SEGV_BNDERR", 4: "SEGV_PKUERR"},
    17: {
        1: "CLD_EXITED",
        2: "CLD_KILLED",
        3: "CLD_DUMPED",
        4: "CLD_TRAPPED",
        5: "CLD_STOPPED",
        6: "CLD_CONTINUED",
    },
    29: {1: "POLL_IN", 2: "POLL_OUT", 3: "POLL_MSG", 4: "POLL_ERR", 5: "POLL_PRI", 6: "POLL_HUP"},
    31: {1: "SYS_SECCOMP", 2: "SYS_USER_DISPATCH"},
}
SENT = ("SI_USER", "SI_QUEUE", "SI_TKILL")
SIGCHLD = 17
CORE_DUMPED = 0x80


def delivered(number: int, code: int, sender: int) -> str:
    """`SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=77}`; the sender where a process sent it."""
    name, meaning = signal(number), code_name(number, code)
    by = f", si_pid={sender}" if meaning in SENT or number == SIGCHLD else ""
    return f"{name} {{si_signo={name}, si_code={meaning}{by}}}"


def code_name(number: int, code: int) -> str:
    """The name of a signal's si_code, or the number."""
    return CODES.get(number, {}).get(code) or CODES[0].get(code) or str(code)


def ended(status: int) -> str:
    """A wait status: `exited with 0`, `killed by SIGKILL`, `killed by SIGSEGV (core dumped)`."""
    number = status & 0x7F
    if number == 0:
        return f"exited with {status >> 8 & 0xFF}"
    return f"killed by {signal(number)}" + " (core dumped)" * bool(status & CORE_DUMPED)
