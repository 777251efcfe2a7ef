import { createRequire } from 'node:module'

/** Stands as far above dist/daemon as above src/daemon. */
const manifest = createRequire(import.meta.url)('../../package.json') as { version: string }

export const VERSION = manifest.version
