// Compiles assembly/plain-events.ts to WebAssembly and writes it, as base64, into the source tree, so that
// neither the build nor a user needs the compiler. A test compiles it again and compares.
import { writeFileSync } from 'node:fs'
import { main } from 'assemblyscript/asc'

const OPTIONS = ['-O3', '--runtime', 'stub', '--noAssert']
const MEMORY = ['--initialMemory', '32', '--maximumMemory', '32']
const TARGET = 'src/mysql/stream/event-kernel.wasm.ts'

/** The compiled kernel as base64. */
export async function compileKernel(): Promise<string> {
  let wasm: Uint8Array | undefined
  const args = ['assembly/plain-events.ts', ...OPTIONS, ...MEMORY, '--outFile', 'kernel.wasm']
  const { error } = await main(args, {
    writeFile(_name, contents) {
      if (typeof contents !== 'string') wasm = contents
    },
  })
  if (error !== null) throw new Error('the kernel does not compile', { cause: error })
  if (wasm === undefined) throw new Error('the compiler wrote nothing')
  return Buffer.from(wasm).toString('base64')
}

function kernelSource(base64: string): string {
  const lines = (base64.match(/.{1,88}/g) ?? []).map((line) => `  '${line}',`)
  return [
    '// Made by `npm run kernel` from assembly/plain-events.ts; a test compares the two. Not edited by hand.',
    'export const EVENT_KERNEL_BASE64: string = [',
    ...lines,
    "].join('')",
    '',
  ].join('\n')
}

if (process.argv[1]?.endsWith('build-kernel.ts')) {
  writeFileSync(TARGET, kernelSource(await compileKernel()))
  process.stdout.write(`wrote ${TARGET}\n`)
}
