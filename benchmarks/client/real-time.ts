const ticksSeen = 3

/**
 * Microseconds since 1970 on the clock that MySQL stamps its commits with, which Date.now() knows in whole
 * milliseconds only: the moments at which it goes on are looked for, the time between is measured.
 */
export function realTimeClock(): () => number {
  let offsetMs = Number.NEGATIVE_INFINITY
  for (let tick = 0; tick < ticksSeen; tick += 1) {
    const before = Date.now()
    let now = before
    while (now === before) now = Date.now()
    // Seeing a tick late makes the offset smaller, never larger.
    offsetMs = Math.max(offsetMs, now - performance.now())
  }
  return () => (performance.now() + offsetMs) * 1000
}
