from __future__ import annotations

import _thread
import contextvars
import copy
import gc
import pickle
import threading
import weakref
from pathlib import Path

import pytest

from httptrace.local import Context, Local, UnsetLocalError


class RequestState(Local):
    user: str | None = None
    attempts: int = 0

    def shout(self) -> str:
        return (self.user or "nobody").upper()

    @property
    def greeting(self) -> str:
        return f"hello {self.nickname}"


def in_fresh_context(func, *args):
    return contextvars.Context().run(func, *args)


def test_any_name_can_be_set_read_and_deleted():
    """An attribute of any name is set, replaced and deleted like that of a plain object."""
    local = Local()
    with Context(locals=(local,)):
        local.spam = "ham"
        local.eggs = None
        assert (local.spam, local.eggs) == ("ham", None)
        local.spam = "more"
        assert local.spam == "more"
        del local.spam
        assert not hasattr(local, "spam")
        assert local.eggs is None


def test_two_locals_never_share_a_name():
    """Two Local objects, also of the same class, have separate values."""
    one, two = RequestState(), RequestState()
    with Context(locals=(one, two)):
        one.user = "ann"
        assert two.user is None
        two.user = "bob"
        assert one.user == "ann"


@pytest.mark.parametrize("kind", [AttributeError, ValueError, UnsetLocalError])
def test_an_unset_name_is_an_attribute_error_and_a_value_error(kind):
    """A missing name can be caught as either kind of error."""
    local = Local()
    with pytest.raises(kind):
        _ = local.spam
    assert getattr(local, "spam", "default") == "default"
    assert not hasattr(local, "spam")


def test_deleting_an_unset_name_raises_the_same_error():
    """del of a name that is not set raises UnsetLocalError."""
    local = Local()
    with pytest.raises(UnsetLocalError, match="never set"):
        del local.spam


def test_the_error_tells_that_there_is_no_context():
    """Outside of any Context the text says so."""

    def read() -> str:
        with pytest.raises(UnsetLocalError) as caught:
            _ = Local().spam
        return str(caught.value)

    assert in_fresh_context(read) == (
        "Local.spam is not set: there is no Context here, and the name was never set."
    )


def test_the_error_tells_that_the_name_was_never_set():
    """Inside of a Context the text names it and says that the name was never set."""
    local = Local()
    with Context("here", locals=(local,)), pytest.raises(UnsetLocalError) as caught:
        _ = local.spam
    assert str(caught.value) == (
        "Local.spam is not set: in Context 'here', and the name was never set."
    )


def test_the_error_tells_where_the_name_was_set():
    """A name that was set in another scope is reported with that scope, file and line."""
    local = Local()
    with Context("elsewhere", locals=(local,)):
        local.spam = 1  # the line to report
    with Context("here", locals=(local,)), pytest.raises(UnsetLocalError) as caught:
        _ = local.spam
    text = Path(__file__).read_text(encoding="utf-8")
    line = text[: text.index("# the line to report")].count("\n") + 1
    assert f"last set in Context 'elsewhere' at {__file__}:{line}" in str(caught.value)


def test_the_error_tells_that_the_context_was_not_carried():
    """If a thread lacks the context, the text points to strict mode."""
    local = Local()
    with Context("elsewhere", locals=(local,)):
        local.spam = 1

    def read() -> str:
        with pytest.raises(UnsetLocalError) as caught:
            _ = local.spam
        return str(caught.value)

    text = in_fresh_context(read)
    assert "there is no Context here; it was last set in Context 'elsewhere'" in text
    assert "HTTPTRACE_STRICT_CONTEXT=1" in text


def test_the_error_tells_of_a_deleted_name():
    """A name that was set in this scope is reported as deleted or set by another task."""
    local = Local()
    with Context("here", locals=(local,)):
        local.spam = 1
        del local.spam
        with pytest.raises(UnsetLocalError, match=r"where it was set at .*deleted since"):
            _ = local.spam


def test_a_name_set_outside_of_any_context_is_reported_so():
    """A value that was set without a Context is reported as such."""
    local = Local()
    in_fresh_context(setattr, local, "spam", 1)
    with Context("here", locals=(local,)), pytest.raises(UnsetLocalError, match="outside any Cont"):
        _ = local.spam


def test_a_thread_that_runs_setattr_itself():
    """A value that no Python code has written is reported without a line."""
    done = threading.Event()
    local = Local()

    class Marked:
        def __del__(self) -> None:
            done.set()

    _thread.start_new_thread(setattr, (local, "x", Marked()))
    assert done.wait(5)  # the thread's context, and what it holds, is gone
    with pytest.raises(UnsetLocalError, match="it was last set outside any Context at"):
        _ = local.x


def test_the_error_crosses_processes_as_an_attribute_error():
    """A pickled error keeps its text, without the code objects that it refers to."""
    local = Local()
    with pytest.raises(UnsetLocalError) as caught:
        _ = local.spam
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, AttributeError)
    assert str(again) == str(caught.value)


def test_iteration_membership_and_dir_show_what_is_set():
    """dict(), in and dir() have the names that are set here and no others."""
    local = RequestState()
    with Context(locals=(local,)):
        local.user, local.extra = "ann", 1
        assert dict(local) == {"user": "ann", "extra": 1}
        assert "user" in local
        assert "attempts" not in local
        assert {"user", "extra", "attempts", "shout"} <= set(dir(local))
    assert dict(local) == {}


def test_iteration_survives_writes():
    """Names can be set while iterating over a Local."""
    local = Local()
    with Context(locals=(local,)):
        local.a = local.b = 1
        for name, value in local:
            setattr(local, name, value + 1)
        assert dict(local) == {"a": 2, "b": 2}


def test_a_typed_subclass_has_defaults_and_methods():
    """Annotated defaults are read until a value is set; methods and properties work."""
    state = RequestState()
    with Context(locals=(state,)):
        assert state.user is None
        assert state.attempts == 0
        state.user = "ann"
        assert state.shout() == "ANN"
        del state.user
        assert state.user is None


def test_a_property_that_misses_a_name_names_that_name():
    """The error of a property has the missing name, not the property's own."""
    state = RequestState()
    with pytest.raises(UnsetLocalError, match=r"RequestState\.nickname is not set"):
        _ = state.greeting


def test_a_mutable_default_is_refused():
    """A list as default would be shared by all contexts: the class is refused by name."""
    with pytest.raises(TypeError, match=r"Bad\.items: a list as default"):

        class Bad(Local):
            items: list[int] = []


def test_a_subclass_may_take_arguments():
    """A subclass with an __init__ sets names in the context that creates it."""

    class Sized(Local):
        def __init__(self, size: int) -> None:
            self.size = size

    sized = Sized(3)
    assert sized.size == 3
    assert isinstance(sized, Sized)
    assert type(type(sized)(4)).__mro__[1] is Sized


def test_dunder_names_cannot_be_set():
    """Names that Python itself uses are refused."""
    with pytest.raises(AttributeError, match="__class__ of a Local cannot be set"):
        Local().__class__ = RequestState


def test_the_repr_names_but_does_not_show_values():
    """The repr does not show values."""
    local = Local()
    with Context(locals=(local,)):
        assert repr(local) == "<Local: nothing set>"
        local.password = "secret"
        assert repr(local) == "<Local: password>"


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_local_cannot_be_copied(how):
    """A Local cannot be copied, because a copy would belong to no context."""
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        how(Local())


def test_a_dropped_local_is_collected():
    """A Local that was only used in contexts that are gone leaves nothing behind."""
    local = Local()

    def use(local: Local) -> None:
        with Context(locals=(local,)):
            local.spam = 1

    in_fresh_context(use, local)
    reference = weakref.ref(local)
    del local
    gc.collect()
    assert reference() is None
