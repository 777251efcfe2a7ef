import type { Column, Row } from '../../mysql/index.ts'
import type { Scope } from '../sql/scope.ts'
import { SqlError } from '../sql/sql-error.ts'
import { answerStatement } from '../sql/statements.ts'

export interface Rows {
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

/** What a statement answers, with all its rows: they, or 'OK', or the error. */
export async function runStatement(sql: string, scope: Scope): Promise<Rows | 'OK' | SqlError> {
  try {
    const answer = await answerStatement(sql, scope)
    if (answer.kind === 'ok') return 'OK'
    if (answer.kind === 'rows') return answer.result
    const rows: Row[] = []
    for await (const piece of answer.pieces) rows.push(...piece)
    return { columns: answer.columns, rows }
  } catch (thrown) {
    if (thrown instanceof SqlError) return thrown
    throw thrown
  }
}

/** Its rows, or 'OK', or the error's code. */
export async function outcomeOf(sql: string, scope: Scope): Promise<unknown> {
  const found = await runStatement(sql, scope)
  if (found instanceof SqlError) return found.code
  return found === 'OK' ? found : found.rows
}
