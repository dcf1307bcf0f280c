"""Passwords are hashed off the loop, few at a time, and nobody's takes as long as somebody's."""

import asyncio
import threading
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2 import Type as Argon2Type
from argon2.exceptions import VerifyMismatchError

from dialback.domain.secret import Secret
from dialback.identity.passwords import Passwords
from tests.identity.hashing import QUICK

GOOD = Secret("a long enough passphrase")


async def test_password_is_its_hashs_and_no_other_is() -> None:
    passwords = Passwords(hasher=QUICK)
    hash = await passwords.hash(GOOD)
    assert hash.startswith("$argon2id$")
    assert hash != await passwords.hash(GOOD)
    assert await passwords.verify(GOOD, hash)
    assert not await passwords.verify(Secret("a long enough passphrasf"), hash)
    assert not await passwords.verify(Secret(""), hash)


@pytest.mark.parametrize("hash", ["", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$broken", "\ud800"])
async def test_hash_that_is_none_is_nobodys(hash: str) -> None:
    passwords = Passwords(hasher=QUICK)
    assert not await passwords.verify(GOOD, hash)
    assert not await passwords.verify(Secret(""), hash)


async def test_letter_may_be_one_character_or_two() -> None:
    passwords = Passwords(hasher=QUICK)
    assert await passwords.verify(
        Secret("A\u0308rger im Büro"), await passwords.hash(Secret("Ärger im Büro"))
    )


async def test_what_goes_on_behind_the_longest_password_is_not_the_password() -> None:
    passwords = Passwords(hasher=QUICK)
    hash = await passwords.hash(Secret("x" * 256))
    assert await passwords.verify(Secret("x" * 256), hash)
    assert not await passwords.verify(Secret("x" * 10**6), hash)


async def test_any_characters_can_be_a_password() -> None:
    passwords = Passwords(hasher=QUICK)
    odd = Secret("\0\ud800\U0001f600")
    assert await passwords.verify(odd, await passwords.hash(odd))


def test_default_is_argon2id_with_the_memory_the_settings_speak_of() -> None:
    default = PasswordHasher()
    assert default.type is Argon2Type.ID
    assert default.memory_cost == 64 * 1024
    assert Passwords().is_outdated(QUICK.hash("x"))
    assert not Passwords().is_outdated(default.hash("x"))


async def test_no_more_are_checked_at_once_than_is_said() -> None:
    at_work, most = 0, 0
    lock, go = threading.Lock(), threading.Event()

    class Slow(PasswordHasher):
        def verify(self, hash: Any, password: Any) -> Any:
            nonlocal at_work, most
            with lock:
                at_work += 1
                most = max(most, at_work)
                if at_work == 2:
                    go.set()
            go.wait(10)
            with lock:
                at_work -= 1
            return True

    passwords = Passwords(2, Slow(time_cost=1, memory_cost=8, parallelism=1))
    assert await asyncio.gather(*(passwords.verify(GOOD, "h") for _ in range(8))) == [True] * 8
    assert most == 2


async def test_name_that_nobody_has_costs_a_whole_check() -> None:
    checked: list[str] = []
    outcomes: list[BaseException] = []

    class Noting(PasswordHasher):
        def verify(self, hash: Any, password: Any) -> Any:
            checked.append(hash)
            try:
                return super().verify(hash, password)
            except Exception as error:
                outcomes.append(error)
                raise

    hasher = Noting(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(hasher=hasher)
    assert not await passwords.verify(GOOD, "")
    assert extract_parameters(checked[0]) == extract_parameters(hasher.hash("x"))
    # What is malformed is another error, and found before anything is computed.
    assert [type(each) for each in outcomes] == [VerifyMismatchError]


def test_to_begin_costs_no_hash() -> None:
    class Idle(PasswordHasher):
        def hash(self, *given: Any, **named: Any) -> str:
            raise AssertionError("hashed")

    Passwords(hasher=Idle())
