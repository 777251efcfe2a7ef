import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Makes a file that nobody else can read; its path. */
export async function privateFile(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text, { mode: 0o600 })
  return path
}
