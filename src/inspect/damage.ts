import { formatGtid } from '../mysql/index.ts'
import type { OpenTransaction } from '../store/index.ts'

/** Something in a file that is not as it must be. */
export interface Damage {
  readonly file: string
  readonly position: number
  /** what is damaged ends there at the latest */
  readonly end: number
  /** a sentence without its end: 'the checksum of the WRITE_ROWS event is wrong' */
  readonly what: string
  /** the transaction in which it lies */
  readonly transaction: TransactionName | undefined
}

export interface TransactionName {
  /** 'ANONYMOUS' for one without */
  readonly gtid: string
  readonly begin: number
  /** false: the GTID event is damaged, and the GTID may be another one */
  readonly isTrue: boolean
}

export function nameOf({ facts, begin, isTrue }: OpenTransaction): TransactionName {
  const gtid = facts.gtid === undefined ? 'ANONYMOUS' : formatGtid(facts.gtid)
  return { gtid, begin, isTrue }
}

/** The fields that scripts read; docs/guides/looking-into-files.md. */
export function damageJson(damage: Damage): Readonly<Record<string, unknown>> {
  const { file, position, what, transaction } = damage
  const gtid = transaction?.gtid ?? null
  const transactionBegin = transaction?.begin ?? null
  return { file, position, what, gtid, transactionBegin, text: damageText(damage) }
}

/** `binlog.000007: position 12345: WHAT, in transaction GTID (begins at 12001)` */
export function damageText({ file, position, what, transaction }: Omit<Damage, 'end'>): string {
  const place = `${file}: position ${position}: ${what}`
  if (transaction === undefined) return place
  const { gtid, begin, isTrue } = transaction
  const doubt = isTrue ? '' : ', as its damaged GTID event says'
  return `${place}, in transaction ${gtid} (begins at ${begin}${doubt})`
}
