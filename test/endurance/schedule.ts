/** Who is restarted in a cycle, and how. */
export interface Restart {
  readonly party: 'source' | 'kingbus' | 'first replica' | 'second replica'
  readonly how: 'stop' | 'kill -9'
}

/**
 * Every second cycle is left alone, for its latencies. Kingbus is restarted twice, early: its last process
 * lives through three quarters of the run, which shows what grows slowly. The others take turns.
 */
export function restartIn(cycle: number, cycles: number): Restart | undefined {
  if (cycle === Math.floor(cycles * 0.1)) return { party: 'kingbus', how: 'kill -9' }
  if (cycle === Math.floor(cycles * 0.25)) return { party: 'kingbus', how: 'stop' }
  if (cycle % 2 === 1) return undefined
  return turns[(cycle / 2) % turns.length]
}

const turns: readonly Restart[] = [
  { party: 'source', how: 'stop' },
  { party: 'first replica', how: 'kill -9' },
  { party: 'source', how: 'kill -9' },
  { party: 'second replica', how: 'stop' },
  { party: 'source', how: 'stop' },
  { party: 'second replica', how: 'kill -9' },
  { party: 'source', how: 'kill -9' },
  { party: 'first replica', how: 'stop' },
]
