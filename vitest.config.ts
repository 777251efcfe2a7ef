import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/endurance/*.test.ts', 'test/bit-rot/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      { test: { name: 'golden', include: ['test/golden/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'project', include: ['test/project/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'simulation',
          include: [
            'test/simulation/*.test.ts',
            'test/cluster-simulation/*.test.ts',
            'test/cluster-nodes/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
          // A busy machine can outlast one wait of hundreds; whatever else is wrong fails at once.
          // run.mjs tells what was tried again, and how often that may be.
          retry: { count: 1, condition: /^(Error: )?waited in vain for / },
        },
      },
    ],
  },
})
