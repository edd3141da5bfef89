"""Questions that may never be answered, asked without waiting for ever.

A file of /proc can block who reads it: the command line lies in the memory of the process, which is locked while a
large one forks, or for as long as somebody contrives. Nothing can end such a wait, so another thread waits.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator
from typing import TypeVar

Answer = TypeVar("Answer")

MOST_GIVEN_UP = 16
_MOMENT = 0.005


class Patience:
    """Asks one question after the other, and waits so many seconds for each answer.

    `given_up` counts those without an answer; after too many none is asked.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self.given_up = 0
        self._seconds = seconds
        self._questions: queue.SimpleQueue[Callable[[], None] | None] | None = None

    def ask(self, question: Callable[[], Answer]) -> Generator[None, None, Answer | None]:
        """The answer, or None if there is none in time; yields now and then while it waits.

        What the question raises is lost: it should answer in any case.
        """
        if self.given_up >= MOST_GIVEN_UP:
            return None
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._thread().put(lambda: answers.put(question()))
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            try:
                return answers.get(timeout=_MOMENT)
            except queue.Empty:
                yield
        self.given_up += 1
        self.close()
        return None

    def close(self) -> None:
        """Let the thread end, once it has its answer. The next question has another."""
        if self._questions is not None:
            self._questions.put(None)
            self._questions = None

    def _thread(self) -> "queue.SimpleQueue[Callable[[], None] | None]":
        if self._questions is None:
            self._questions = queue.SimpleQueue()
            threading.Thread(target=_answer, args=(self._questions,), name="patience", daemon=True).start()
        return self._questions


def _answer(questions: "queue.SimpleQueue[Callable[[], None] | None]") -> None:
    while (question := questions.get()) is not None:
        question()
