import type { Column, Row } from '../../mysql/index.ts'
import type { Answer, OwnAnswer } from '../sql/answer.ts'
import type { Scope } from '../sql/scope.ts'
import { SqlError } from '../sql/sql-error.ts'
import { answerStatement } from '../sql/statements.ts'

export interface Rows {
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

/** What a statement answers by itself, with all its rows: they, or 'OK', or the error. */
export async function runStatement(sql: string, scope: Scope): Promise<Rows | 'OK' | SqlError> {
  const answer = await answerOrError(sql, scope)
  if (answer instanceof SqlError) return answer
  if (answer.kind === 'metadata') throw new Error(`the source is to be asked: ${sql}`)
  return await rowsOf(answer)
}

/** Its rows, or what the source is to be asked, or 'OK', or the error's code. */
export async function outcomeOf(sql: string, scope: Scope): Promise<unknown> {
  const answer = await answerOrError(sql, scope)
  if (answer instanceof SqlError) return answer.code
  if (answer.kind === 'metadata') return answer.statements
  const found = await rowsOf(answer)
  if (found instanceof SqlError) return found.code
  return found === 'OK' ? found : found.rows
}

async function answerOrError(sql: string, scope: Scope): Promise<Answer | SqlError> {
  return await orError(async () => await answerStatement(sql, scope))
}

async function rowsOf(answer: OwnAnswer): Promise<Rows | 'OK' | SqlError> {
  if (answer.kind === 'ok') return 'OK'
  if (answer.kind === 'rows') return answer.result
  const { columns, pieces } = answer
  return await orError(async () => {
    const rows: Row[] = []
    for await (const piece of pieces) rows.push(...piece)
    return { columns, rows }
  })
}

async function orError<T>(work: () => Promise<T>): Promise<T | SqlError> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof SqlError) return thrown
    throw thrown
  }
}
