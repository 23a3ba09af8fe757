import threading

import jax
import jax.numpy as jnp

from magnet_jax.evaluate.compiles import CompileCounter


def fresh(factor):
  """A program that was never compiled before."""
  return jax.jit(lambda x: x * factor)


def test_programs_are_counted_once_each():
  values = jnp.zeros(7)
  with CompileCounter() as counter:
    run = fresh(2.0)
    run(values)
    assert counter.count == 1
    run(values)
    assert counter.count == 1
    run(jnp.zeros((7, 7)))  # another shape; its zeros may be one as well
  assert counter.count >= 2
  assert counter.seconds > 0


def test_what_is_compiled_outside_does_not_count():
  values = jnp.zeros(5)
  with CompileCounter() as before:
    pass
  fresh(3.0)(values)
  assert before.count == 0 and before.seconds == 0


def test_blocks_may_be_nested_and_threads_count():
  values = jnp.zeros(6)
  with CompileCounter() as outer:
    fresh(4.0)(values)
    with CompileCounter() as inner:
      thread = threading.Thread(target=lambda: fresh(5.0)(values))
      thread.start()
      thread.join()
  assert (outer.count, inner.count) == (2, 1)
