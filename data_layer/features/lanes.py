"""A vector of symbols as one value of the compiled loops, so that a recurrence's state stays in registers.

A kernel takes `WIDTH` lanes at a time and goes down the rows with them, written as if they were one number:

    for lane in range(0, lanes, WIDTH):
        total = every(0.0)
        for row in range(rows):
            total = total + take(values, row, lane)
            put(out, row, lane, total)

Left to itself the compiler puts vectors across an inner loop over lanes only where it can prove that no two arrays
overlap, tests that anew on each row, and keeps the state in memory: several times as long. The operators are IEEE's,
element by element and never fused, so a lane's bits are those of plain floats. Any processor can run them: a
vector wider than its own is several of them.
"""

# numba has no types of its own:
# mypy: disallow-untyped-calls=False
from __future__ import annotations

import operator
from typing import Any, ClassVar

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_jitable, register_model

intrinsic: Any = extending.intrinsic  # its own type shows the compiler's arguments, not the caller's

# Two of the widest vectors there are: a recurrence waits for its own last result, the second one fills the wait.
WIDTH = 16
DOUBLE = ir.DoubleType()
VECTOR = ir.VectorType(DOUBLE, WIDTH)
BITS = ir.VectorType(ir.IntType(1), WIDTH)


class Lanes(types.Type):
    """Type of `WIDTH` float64."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{WIDTH}")


class Choices(types.Type):
    """Type of `WIDTH` truth values."""

    def __init__(self) -> None:
        super().__init__(name=f"Choices{WIDTH}")


LANES, CHOICES = Lanes(), Choices()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


@register_model(Choices)
class _ChoicesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, BITS)


def _broadcast(builder: Any, scalar: Any) -> Any:
    one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, ir.Constant(VECTOR, ir.Undefined), places)


def _declare(function: Any, result: Any, build: Any) -> None:
    """Give an operator its meaning on lanes, and on lanes and a number either way round."""
    pairs = [(LANES, LANES), (LANES, types.float64), (types.float64, LANES)]

    class Template(ConcreteTemplate):
        key = function
        cases: ClassVar = [signature(result, *pair) for pair in pairs]

    infer_global(function)(Template)

    def lower(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return build(builder, *(
            value if kind is LANES else _broadcast(builder, value)
            for kind, value in zip(sig.args, arguments, strict=True)
        ))  # fmt: skip

    for pair in pairs:
        lower_builtin(function, *pair)(lower)


for _function, _method in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv"),
):  # fmt: skip
    _declare(_function, LANES, lambda builder, one, two, method=_method: getattr(builder, method)(one, two))
for _function, _sign in (
    (operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">="), (operator.eq, "=="),
):  # fmt: skip
    _declare(_function, CHOICES, lambda builder, one, two, sign=_sign: builder.fcmp_ordered(sign, one, two))
_declare(operator.ne, CHOICES, lambda builder, one, two: builder.fcmp_unordered("!=", one, two))
for _function, _method in ((operator.and_, "and_"), (operator.or_, "or_")):

    class _Both(ConcreteTemplate):
        key = _function
        cases: ClassVar = [signature(CHOICES, CHOICES, CHOICES)]

    infer_global(_function)(_Both)
    lower_builtin(_function, CHOICES, CHOICES)(
        lambda context, builder, sig, arguments, method=_method: getattr(builder, method)(*arguments)
    )


def _place(context: Any, builder: Any, kind: Any, spot: Any, what: Any) -> Any:
    """Pointer to array[row, lane]; lanes lie side by side in memory."""
    array, row, lane = spot
    own = context.make_array(kind)(context, builder, array)
    stride = cgutils.unpack_tuple(builder, own.strides)[0]
    base = builder.bitcast(own.data, ir.IntType(8).as_pointer())
    size = ir.Constant(stride.type, kind.dtype.bitwidth // 8)
    offset = builder.add(builder.mul(row, stride), builder.mul(lane, size))
    return builder.bitcast(builder.gep(base, [offset]), what.as_pointer())


@register_jitable
def extent(values: Any) -> Any:
    """Rows and lanes of an array, whole vectors of lanes: what `take` and `put` touch is not checked by them.

    Raises:
        ValueError: the lanes are no multiple of `WIDTH`.
    """
    rows, lanes = values.shape
    if lanes % WIDTH:
        raise ValueError("lanes are not a multiple of WIDTH; a Panel's are")
    return rows, lanes


@intrinsic
def take(typing: Any, values: Any, row: Any, lane: Any) -> Any:
    """Lanes `lane` to `lane + WIDTH - 1` of a row of a float64 array [rows, lanes]."""

    def build(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, sig.args[0], arguments, VECTOR), align=8)

    return LANES(values, types.intp, types.intp), build


@intrinsic
def put(typing: Any, values: Any, row: Any, lane: Any, new: Any) -> Any:
    """Write lanes to where `take` reads them."""

    def build(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        place = _place(context, builder, sig.args[0], arguments[:3], VECTOR)
        builder.store(arguments[3], place, align=8)
        return context.get_dummy_value()

    return types.none(values, types.intp, types.intp, LANES), build


@intrinsic
def every(typing: Any, value: Any) -> Any:
    """The same number in all lanes."""

    def build(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return _broadcast(builder, arguments[0])

    return LANES(types.float64), build


@intrinsic
def choose(typing: Any, which: Any, one: Any, other: Any) -> Any:
    """In each lane `one` where `which` is true, else `other`."""

    def build(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        one, other = (
            value if kind is LANES else _broadcast(builder, value)
            for kind, value in zip(sig.args[1:], arguments[1:], strict=True)
        )
        return builder.select(arguments[0], one, other)

    kinds = [kind if kind is LANES else types.float64 for kind in (one, other)]
    return LANES(CHOICES, *kinds), build


@intrinsic
def is_number(typing: Any, value: Any) -> Any:
    """Whether it is not NaN."""
    return CHOICES(LANES), lambda context, builder, sig, arguments: builder.fcmp_ordered(
        "ord", *arguments * 2
    )


@intrinsic
def is_nan(typing: Any, value: Any) -> Any:
    """Whether it is NaN."""
    return CHOICES(LANES), lambda context, builder, sig, arguments: builder.fcmp_unordered(
        "uno", *arguments * 2
    )


@intrinsic
def all_of(typing: Any, which: Any) -> Any:
    """Whether it is true in all lanes."""

    def build(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        number = builder.bitcast(arguments[0], ir.IntType(WIDTH))
        return builder.icmp_unsigned("==", number, ir.Constant(number.type, -1))

    return types.boolean(CHOICES), build


def _call(builder: Any, name: str, vector: Any) -> Any:
    """LLVM's own function of one vector."""
    kind = vector.type
    full = f"llvm.{name}.v{WIDTH}{'f64' if kind.element == DOUBLE else 'f32'}"
    return builder.call(
        cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), full), [vector]
    )


def _unary(name: str) -> Any:
    return lambda context, builder, sig, arguments: _call(builder, name, arguments[0])


@intrinsic
def size_of(typing: Any, value: Any) -> Any:
    """Absolute value."""
    return LANES(LANES), _unary("fabs")


@intrinsic
def root_of(typing: Any, value: Any) -> Any:
    """Square root."""
    return LANES(LANES), _unary("sqrt")


@intrinsic
def turn(typing: Any, source: Any, places: Any, base: Any, target: Any, others: Any, other_base: Any) -> Any:
    """Turn a square: number j of the run from source[base + places[i]] goes to target[other_base + others[j] + i].

    Arrays are flat, runs `WIDTH` long, float64 in and either float out; what is not finite then becomes the one NaN.
    """
    wide = ir.VectorType(ir.FloatType() if target.dtype is types.float32 else DOUBLE, WIDTH)
    steps = [1 << bit for bit in range(WIDTH.bit_length() - 1)]

    def shuffled(builder: Any, one: Any, two: Any, step: int, upper: bool) -> Any:
        """The halves of two runs that belong together: of blocks of `step`, the even (or odd) ones of either."""
        order = [
            (place if place & step else place + step) + (WIDTH if place & step else 0)
            if upper
            else (place - step + WIDTH if place & step else place)
            for place in range(WIDTH)
        ]
        return builder.shuffle_vector(one, two, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), order))

    def build(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        first, starts, last, ends = (
            context.make_array(sig.args[index])(context, builder, arguments[index]) for index in (0, 1, 3, 4)
        )

        def pointer(flat: Any, offsets: Any, begin: Any, index: int, what: Any) -> Any:
            place = builder.load(builder.gep(offsets.data, [ir.Constant(begin.type, index)]))
            return builder.bitcast(builder.gep(flat.data, [builder.add(begin, place)]), what.as_pointer())

        endless, hole = (ir.Constant(wide, [float(value)] * WIDTH) for value in ("inf", "nan"))
        runs = []
        for index in range(WIDTH):
            run = builder.load(pointer(first, starts, arguments[2], index, VECTOR), align=8)
            run = run if wide == VECTOR else builder.fptrunc(run, wide)
            finite = builder.fcmp_ordered("<", _call(builder, "fabs", run), endless)
            runs.append(builder.select(finite, run, hole))
        for step in steps:
            for low in (place for place in range(WIDTH) if not place & step):
                one, two = runs[low], runs[low + step]
                runs[low] = shuffled(builder, one, two, step, False)
                runs[low + step] = shuffled(builder, one, two, step, True)
        for index, run in enumerate(runs):
            place = pointer(last, ends, arguments[5], index, wide)
            builder.store(run, place, align=target.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(source, places, types.intp, target, others, types.intp), build
