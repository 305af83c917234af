from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import threading
import weakref

import pytest

from httptrace.local import Context, Local, current_context, job_context, request

state = Local()
other = Local()


def value(local: Local = state, name: str = "x") -> object:
    return getattr(local, name, None)


def in_thread(func, *args) -> None:
    thread = threading.Thread(target=func, args=args)
    thread.start()
    thread.join()


def test_leaving_restores_the_outer_values():
    """Nested scopes of a task each have their values; leaving one restores the outer ones."""
    with Context(locals=(state,)):
        state.x = 1
        with Context(locals=(state,)):
            assert value() is None
            state.x = 2
            with Context(locals=(state,)):
                state.x = 3
            assert value() == 2
        assert value() == 1
    assert value() is None


async def test_async_with_does_the_same():
    """async with opens and leaves a scope as with does."""
    async with Context(locals=(state,)):
        state.x = 1
        async with Context(locals=(state,)):
            state.x = 2
            await asyncio.sleep(0)
        assert value() == 1
    assert value() is None


def test_an_exception_leaves_the_scope():
    """An exception leaves the scope and is propagated."""
    with pytest.raises(KeyError), Context(locals=(state,)):
        state.x = 1
        raise KeyError
    assert value() is None


def test_a_local_that_is_not_named_is_not_touched():
    """Values of other Local objects are seen inside, and writes to them stay."""
    with Context(locals=(state, other)):
        other.x = 1
        with Context(locals=(state,)):
            assert value(other) == 1
            other.x = 2
        assert value(other) == 2


def test_without_names_every_local_is_undone():
    """Context() shows the current values and undoes all writes of the block."""
    with Context(locals=(state, other)):
        state.x = 1
        with Context():
            assert value() == 1
            state.x = other.x = 2
            made_inside = Local()
            made_inside.x = 2
        assert value() == 1
        assert value(other) is None
        assert value(made_inside) is None


def test_the_parent_gives_its_values_to_start_from():
    """A scope with a parent starts with the parent's values; its writes do not reach it."""
    with Context(locals=(state,)) as parent:
        state.x = 1
        with Context(locals=(state,), parent=parent):
            assert value() == 1
            state.x, state.y = 2, 3
        assert dict(state) == {"x": 1}


def test_the_parents_writes_after_the_start_do_not_reach_the_child():
    """Later writes of the parent do not reach the scope."""
    seen = []
    with Context(locals=(state,)) as parent:
        state.x = 1
        child = Context(locals=(state,), parent=parent)
        ready, go = threading.Event(), threading.Event()

        def work() -> None:
            with child:
                ready.set()
                go.wait(5)
                seen.append(value())

        thread = threading.Thread(target=work)
        thread.start()
        ready.wait(5)
        state.x = 2
        go.set()
        thread.join()
    assert seen == [1]


def test_a_parent_gives_its_latest_values_to_a_bare_thread():
    """A thread without the context gets the parent's values as they are when it enters."""
    seen = []

    def work(parent: Context) -> None:
        seen.append(value())
        with Context(locals=(state,), parent=parent):
            seen.append(value())
        with Context(parent=parent):
            seen.append(value())

    with Context(locals=(state,)) as parent:
        state.x = 1
        state.x = 2
        in_thread(work, parent)
    in_thread(work, parent)
    assert seen == [None, 2, 2, None, 2, 2]


async def test_a_childs_writes_are_not_the_parents_values():
    """Writes of a task that was started in the parent are not inherited."""

    async def child() -> None:
        state.x = "child"

    seen = []

    def work(parent: Context) -> None:
        with Context(locals=(state,), parent=parent):
            seen.append(value())

    with Context(locals=(state,)) as parent:
        state.x = "parent"
        await asyncio.create_task(child())
        await asyncio.get_running_loop().run_in_executor(None, work, parent)
    assert seen == ["parent"]


def test_values_of_an_outer_scope_come_through_the_parent():
    """A parent also passes on the values of its outer scopes."""
    seen = []

    def work(parent: Context) -> None:
        with Context(locals=(state, other), parent=parent):
            seen.append((value(), value(other)))

    with Context(locals=(other,)):
        other.x = 1
        with Context(locals=(state,)) as parent:
            state.x = 2
            other.x = 3
            in_thread(work, parent)
    assert seen == [(2, 3)]


@pytest.mark.parametrize("entered", [True, False])
def test_a_parent_that_set_nothing_gives_nothing(entered):
    """A parent without values, or one that was never entered, is accepted."""
    parent = Context(locals=(other,))
    with parent if entered else contextlib.nullcontext():
        pass
    with Context(locals=(state,), parent=parent):
        assert value() is None


def test_leaving_out_of_order_keeps_the_inner_scope():
    """The outer scope may be left first: the inner one stays, then all values are restored."""
    first, second = Context(locals=(state,)), Context(locals=(state,))
    state_before = value()
    first.__enter__()
    state.x = 1
    second.__enter__()
    state.x = 2
    first.__exit__(None, None, None)
    assert value() == 2
    second.__exit__(None, None, None)
    assert value() == state_before


def test_entering_again_after_out_of_order_cleans_up_first():
    """A scope that was left elsewhere is removed when its opener opens the next one."""
    first = Context(locals=(state,))
    first.__enter__()
    state.x = 1
    in_thread(first.__exit__, None, None, None)
    with Context():
        assert value() is None
    assert value() is None


async def test_leaving_in_another_task_is_safe():
    """A scope opened in one task and left in another raises nothing; its opener is restored."""
    scope = Context(locals=(state,))
    seen = []

    async def leave() -> None:
        scope.__exit__(None, None, None)
        seen.append(value())

    with Context(locals=(state,)):
        state.x = "outer"
        scope.__enter__()
        state.x = "inner"
        await asyncio.create_task(leave())
        assert seen == ["outer"]
        with Context(locals=(other,)):
            assert value() == "outer"
        assert value() == "outer"


async def test_a_task_keeps_what_it_saw_when_the_scope_is_left():
    """A task started inside keeps the values after the scope is gone, also around scopes of its
    own."""
    left = asyncio.Event()
    seen = []

    async def background() -> None:
        await left.wait()
        seen.append(value())
        with Context(locals=(state,)):
            state.x = 2
        seen.append(value())

    with Context(locals=(state,)):
        state.x = 1
        task = asyncio.create_task(background())
        await asyncio.sleep(0)
    left.set()
    await task
    assert seen == [1, 1]


def test_leaving_in_another_thread_is_safe():
    """A scope may be left by a thread that never entered it."""
    scope = Context(locals=(state,))
    errors = []

    def leave() -> None:
        try:
            scope.__exit__(None, None, None)
        except BaseException as error:
            errors.append(error)

    scope.__enter__()
    in_thread(leave)
    scope.__exit__(None, None, None)
    assert errors == []


def test_leaving_from_a_closed_generator_is_safe():
    """A generator that is closed in another context, or collected, leaves its scope silently."""

    def generate():
        with Context(locals=(state,)):
            state.x = 1
            yield value()

    here = contextvars.copy_context()
    generator = generate()
    assert here.run(next, generator) == 1
    generator.close()
    assert value() is None
    dropped = generate()
    here.run(next, dropped)
    del dropped
    gc.collect()
    assert value() is None


def test_a_generator_shares_its_callers_context():
    """Between two values of a generator its scope is the caller's too, like context variables."""

    def generate():
        with Context(locals=(state,)):
            state.x = 1
            yield

    for _ in generate():
        assert value() == 1
    assert value() is None


async def test_an_async_generator_that_is_closed_elsewhere_leaves_quietly():
    """aclose() in another task than the one that iterated raises nothing."""

    async def generate():
        with Context(locals=(state,)):
            state.x = 1
            yield value()

    generator = generate()
    assert await anext(generator) == 1
    await asyncio.create_task(generator.aclose())
    with Context():
        pass
    assert value() is None


def test_leaving_twice_does_nothing():
    """A second leave neither raises nor changes the values of the outer scope."""
    with Context(locals=(state,)):
        state.x = 1
        with Context(locals=(state,)) as scope:
            pass
        scope.__exit__(None, None, None)
        assert value() == 1


@pytest.mark.parametrize("left", [True, False])
def test_entering_twice_is_refused(left):
    """Entering a Context a second time raises an error that says so."""
    scope = Context("mine")
    scope.__enter__()
    if left:
        scope.__exit__(None, None, None)
    with pytest.raises(RuntimeError, match=r"<Context mine .*> was entered before"):
        scope.__enter__()
    scope.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("locals", "text"),
    [
        (state, r"write locals=\(local,\)"),
        (5, "not int"),
        ("ab", "must hold Local objects, not 'a'"),
        ((state, object), "must hold Local objects, not <class 'object'>; give the object"),
        ((Local,), "give the object, not its class"),
        ([None], "not None"),
    ],
)
def test_locals_that_are_no_locals_are_refused(locals, text):
    """What is not a collection of Local objects is named in the error."""
    with pytest.raises(TypeError, match=text):
        Context(locals=locals)


def test_a_parent_that_is_no_context_is_refused():
    """The parent must be a Context."""
    with pytest.raises(TypeError, match="parent must be a Context, not dict"):
        Context(parent={})


def test_the_ident_names_the_scope():
    """An ident of any kind is shown as text; without one, scopes are numbered."""
    assert Context("abc").ident == "abc"
    assert Context(7).ident == "7"
    assert Context().ident != Context().ident
    assert repr(Context("abc")) == "<Context abc new>"


async def test_a_chain_of_background_tasks_keeps_no_chain_of_scopes():
    """Work that starts its successor inside of its own scope does not keep all scopes alive."""
    scopes = weakref.WeakSet()

    async def step(left: int) -> None:
        with Context(locals=(state,)) as scope:
            scopes.add(scope)
            state.x = left
            if left:
                successors.append(asyncio.create_task(step(left - 1)))

    successors = [asyncio.create_task(step(50))]
    while successors:
        await successors.pop()
    gc.collect()
    assert len(scopes) <= 2


async def test_a_scope_of_an_abandoned_async_generator_ends_for_its_caller():
    """After the generator is collected, its caller sees its own values again."""

    async def generate():
        with Context(locals=(state,)):
            state.x = "generator"
            yield value()

    with Context(locals=(state,)) as mine:
        state.x = "caller"
        async for each in generate():
            assert each == value() == "generator"
            break
        gc.collect()
        while value() == "generator":
            await asyncio.sleep(0)
        assert value() == "caller"
        assert current_context() is mine
    assert value() is None


async def test_an_abandoned_async_generator_leaves_the_scopes_inside_of_it_alone():
    """A scope that the caller opened meanwhile stays; the generator's ends with it."""

    async def generate():
        with Context(locals=(state,)):
            state.x = "generator"
            yield

    state_before = value()
    generator = generate()
    await anext(generator)
    with Context(locals=(state,)) as inner:
        state.x = "inner"
        del generator
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (value(), current_context()) == ("inner", inner)
    assert (value(), current_context()) == (state_before, None)


async def test_a_scope_of_a_task_in_another_loop_is_left_quietly():
    """A scope that is left in another thread's loop does not change its opener's context."""
    scope = Context(locals=(state,))

    async def leave() -> None:
        scope.__exit__(None, None, None)

    scope.__enter__()
    state.x = 1
    await asyncio.to_thread(asyncio.run, leave())
    assert value() == 1
    with Context():
        assert value() is None


def test_the_current_context_is_the_innermost_one():
    """current_context() returns the innermost scope, and None outside of any."""
    assert current_context() is None
    with Context() as outer:
        with job_context("job") as inner:
            assert current_context() is inner
        assert current_context() is outer
    assert current_context() is None


async def test_a_worker_that_runs_already_gets_the_values_of_the_current_context():
    """A context that is passed to a worker gives it the request and all values."""
    jobs: asyncio.Queue[tuple[Context | None, asyncio.Future]] = asyncio.Queue()

    async def worker() -> None:
        context, done = await jobs.get()
        with Context(parent=context):
            done.set_result((request.id, value()))
            state.x = "worker"

    task = asyncio.create_task(worker())
    await asyncio.sleep(0)
    done = asyncio.get_running_loop().create_future()
    with job_context("job", id="abc"):
        state.x = 1
        await jobs.put((current_context(), done))
        assert await done == ("abc", 1)
        await task
        assert value() == 1


async def test_the_current_context_of_a_child_task_has_the_childs_values():
    """A task that was started inside passes on what it wrote itself."""

    async def child() -> Context | None:
        state.x = "child"
        return current_context()

    with job_context("job", id="abc") as context:
        state.x = "parent"
        handed = await asyncio.create_task(child())
        assert handed is not context
        assert handed is not None and handed.ident == "abc"
    with Context(locals=(state, request), parent=handed):
        assert (value(), request.id) == ("child", "abc")
