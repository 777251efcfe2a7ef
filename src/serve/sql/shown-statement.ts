import { SqlError } from './sql-error.ts'
import { tokenize } from './tokenizer.ts'

const SHOWN_CHARACTERS = 1024
const SECRET = "'<secret>'"
const IS_SECRET = /password|identified|authentication/i
const SECRET_WORDS = /^(?:\w*password|by|as)$/i

/** A statement as others may see it in SHOW PROCESSLIST: its beginning, without the passwords in it. */
export function shownStatement(sql: string): string {
  return (IS_SECRET.test(sql) ? masked(sql) : sql).slice(0, SHOWN_CHARACTERS)
}

/** Every text behind a word for a password, or behind its `=`, is left out. */
function masked(sql: string): string {
  try {
    let shown = ''
    let from = 0
    let isSecret = false
    const tokens = tokenize(sql)
    for (const [index, { kind, start, end }] of tokens.entries()) {
      const before = tokens[index - 1]
      const word = /^:?=$/.test(before?.text ?? '') ? tokens[index - 2] : before
      // A text that follows another one goes on with it.
      const goesOn: boolean = isSecret && before?.kind === 'string'
      isSecret = kind === 'string' && (goesOn || SECRET_WORDS.test(word?.text ?? ''))
      if (!isSecret) continue
      shown += sql.slice(from, start) + SECRET
      from = end
    }
    return shown + sql.slice(from)
  } catch (thrown) {
    // What cannot be read cannot be masked either.
    if (!(thrown instanceof SqlError)) throw thrown
    return SECRET
  }
}
