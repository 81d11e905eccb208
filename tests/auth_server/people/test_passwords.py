"""Which passwords are taken (NIST SP 800-63B-4 3.1.1.2), and that one is the same however it was typed."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth_server.people import passwords
from auth_server.people.password_hash import RECOMMENDED, Parameters, PasswordHasher, is_password_hash
from tests.auth_server.people.simulator import PASSWORD, QUICK

CONTEXT = ("alice.smith", "latchkey", "auth", "example", "com")


@pytest.mark.spec("NIST SP 800-63B-4", "3.1.1.2")
@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "correct horse battery staple",
        "vmqkzrtplwxnbgh",
        " spaces at both ends ",
        "UPPERCASEONLYPLEASE",
        "84109275630194857",
        "пятнадцать цапель",
        "七羽の鷺が桟橋にいるのをぼくは見た",
        "🦩🐢🦔🦦🐙🦑🦞🐡🦭🐋🐊🦓🦍🐘🦏",
        "~`!@#$%^&*()_-+={[}]|",
        "h" * 3 + "eron " + "q" * 3 + "uay " + "m" * 3 + "ist",
    ],
)
def test_length_is_all_that_is_asked_of_a_password(password: str) -> None:
    """Any printable character, space and script is good, and none has to be there."""
    assert passwords.why_not(password, CONTEXT) is None


@pytest.mark.spec("NIST SP 800-63B-4", "3.1.1.2")
@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("", "at least 15"),
        ("fourteen chars", "at least 15"),
        ("ﷺ", "at least 15"),  # one code point, which NFKC makes 18 of
        ("ﬃ" * 6, "at least 15"),
        ("e\u0301" * 14, "at least 15"),  # 28 code points, of which NFKC makes 14
        ("qh" * 129, "at most 256"),
        ("ﷺ" * 16, "at most 256"),  # 16 code points, 288 of them when normalised
        ("seven herons\non the jetty", "control"),
        ("seven herons\0on the jetty", "control"),
        ("seven herons \ud800 on the jetty", "control"),
        ("seven herons \U000e0fff on the jetty", "not assigned"),
    ],
)
def test_a_password_that_cannot_be_kept_is_refused_with_the_rule(password: str, rule: str) -> None:
    """The rule is told, and nothing of the password."""
    told = passwords.why_not(password, CONTEXT)
    assert told is not None
    assert rule in told


@pytest.mark.spec("NIST SP 800-63B-4", "3.1.1.2")
@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password Password!",
        "password1234567890",
        "P A S S W O R D 2 0 2 6",
        "iloveyouiloveyou",
        "letmein-welcome-1",
        "aaaaaaaaaaaaaaa",
        "abcabcabcabcabca",
        "xk3jxk3jxk3jxk3j",
        "123456789012345",
        "1234-5678-9012-345",
        "987654321098765",
        "abcdefghijklmnopq",
        "zyxwvutsrqponmlk",
        "qwertyuiopasdfghjkl",
        "1qaz2wsx3edc4rfv",
        "alice.smith.2026",
        "AliceSmith-AliceSmith",
        "latchkey latchkey latchkey",
        "latchkey example 1",
        "ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ１",  # noqa: RUF001 - full width, as a keyboard in Japan may type it
    ],
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    """Common words and their repetitions, sequences, the username and the service's names are no passwords."""
    assert "tried first" in (passwords.why_not(password, CONTEXT) or "")


def test_a_name_is_refused_to_those_who_have_it() -> None:
    """A username is no password of its own bearer; of another's it is as good as any."""
    assert passwords.why_not("heron.seventeen", ("heron.seventeen",))
    assert passwords.why_not("heron.seventeen", ("alice",)) is None


@given(st.text(max_size=300))
def test_no_text_breaks_the_rules_checker(text: str) -> None:
    """Whatever is sent, the rules answer; and they never quote it."""
    told = passwords.why_not(text, CONTEXT)
    assert told is None or len(text) < 4 or text not in told
    if told is None:
        assert 15 <= len(passwords.normalise(text)) <= 256


@pytest.mark.spec("NIST SP 800-63B-4", "3.1.1.2")
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_is_the_same_however_it_was_typed(form: str) -> None:
    """Composed or not, full width or not: what Unicode holds equivalent is one password."""
    hasher = PasswordHasher(QUICK)
    typed = "Ångström café ﬁfteen"
    assert hasher.verify(unicodedata.normalize(form, typed), hasher.hash(typed))  # type: ignore[arg-type] # one of the four
    assert hasher.verify("Ångström café fifteen", hasher.hash(typed))
    assert not hasher.verify("Angstrom cafe fifteen", hasher.hash(typed))


@pytest.mark.spec("RFC 9106", "4")
def test_the_parameters_are_the_recommended_ones() -> None:
    """A hash says with which parameters it was made, and they are the standard's second option."""
    kept = PasswordHasher().hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert Parameters(65_536, 3, 4) == RECOMMENDED
    assert is_password_hash(kept)


def test_another_implementation_verifies_our_hashes_and_we_its() -> None:
    """argon2-cffi, on the reference implementation of Argon2, takes our hashes, and we take its."""
    theirs = argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    assert theirs.verify(PasswordHasher(QUICK).hash(PASSWORD), PASSWORD)
    kept = theirs.hash(PASSWORD)
    assert is_password_hash(kept)
    assert PasswordHasher(QUICK).verify(PASSWORD, kept)
    assert not PasswordHasher(QUICK).verify(PASSWORD + ".", kept)


def test_hashes_are_computed_side_by_side() -> None:
    """Any number of threads may ask at once: no computation fails for want of another's threads."""
    hasher = PasswordHasher(QUICK)
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda _: hasher.hash(PASSWORD), range(40)))
        assert all(pool.map(lambda each: hasher.verify(PASSWORD, each), kept))


def test_no_two_hashes_are_alike() -> None:
    """Each has a salt of its own, so that equal passwords do not show."""
    assert PasswordHasher(QUICK).hash(PASSWORD) != PasswordHasher(QUICK).hash(PASSWORD)


@given(st.text(st.characters(codec=None), max_size=300))
@settings(max_examples=50)
def test_nobody_has_no_password(text: str) -> None:
    """Where there is nobody, a hash is computed and no password is right, half a surrogate pair included."""
    assert not PasswordHasher(QUICK).verify(text, None)


def test_the_hash_of_nobody_costs_what_a_new_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the parameters, and the lengths, of a hash that is made now."""
    asked: list[str] = []

    class Recorder:
        @staticmethod
        def verify_phc_encoded(_: bytes, kept: str) -> None:
            asked.append(kept)

    hasher = PasswordHasher()
    monkeypatch.setattr("auth_server.people.password_hash.Argon2id", Recorder)
    assert not hasher.verify(PASSWORD, None)  # not even where the computation would say yes
    assert is_password_hash(asked[0])
    assert hasher.is_current(asked[0])


@pytest.mark.parametrize("text", ["", "secret", "$argon2i$v=19$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43, "$2b$12$x"])
def test_what_is_no_argon2id_hash_is_told(text: str) -> None:
    """Another algorithm's hash, or a password in clear, is none."""
    assert not is_password_hash(text)


def test_what_is_far_too_long_is_never_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body full of marks in the wrong order would take seconds, at a sign-up before anything is counted."""
    marks = "a" + "\u0301\u0316" * 16_000
    normalised: list[int] = []

    def recorded(text: str) -> str:  # the one thing that is slow: how much of it there was, and not how long it took
        normalised.append(len(text))
        return unicodedata.normalize("NFKC", text)

    monkeypatch.setattr(passwords, "normalise", recorded)
    assert "at most 256" in str(passwords.why_not(marks, CONTEXT))
    hasher = PasswordHasher(QUICK)
    assert not hasher.verify(marks, hasher.hash(PASSWORD))
    assert max(normalised) <= passwords.MAX_UNNORMALISED_LENGTH


def test_the_longest_password_is_right_in_its_longest_form() -> None:
    """Typed with every mark by itself, it is four times as long, and the same; with anything more it is not."""
    longest = "\u1f82" * passwords.MAX_LENGTH
    apart = unicodedata.normalize("NFD", longest)
    assert len(apart) == passwords.MAX_UNNORMALISED_LENGTH
    hasher = PasswordHasher(QUICK)
    kept = hasher.hash(longest)
    assert hasher.verify(apart, kept)
    assert not hasher.verify(apart + "x", kept)
