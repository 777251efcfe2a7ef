import type { Target } from '../target.ts'

/** Has a bug on purpose: it trusts a length. A fuzzer that does not find it finds nothing. */
export const canary: Target = {
  name: 'canary',
  covers: [],
  seeds: () => [Buffer.from([4, 1, 2, 3, 4])],
  run(input) {
    const size = input[0] ?? 0
    // `readUInt8` throws a RangeError behind the end, as any decoder does that forgets to look.
    if (size > 0) input.readUInt8(size)
  },
}
