import type { SwitchResult } from '../../admin/index.ts'
import { type FileBegin, fileNameAfter } from '../../journal/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { SourceTrial } from '../../source/index.ts'

/** @param newest how our newest file began; undefined while nothing is stored */
export function switchResult(
  trial: SourceTrial,
  newest: FileBegin | undefined,
  done: Pick<SwitchResult, 'dryRun' | 'switched'>,
): SwitchResult {
  const { address, profile, history, refusal } = trial
  return {
    ...done,
    refusal: refusal === undefined ? null : { code: refusal.code, message: refusal.message },
    address,
    flavor: profile?.flavor ?? null,
    serverVersion: profile?.version ?? null,
    serverUuid: profile?.uuid ?? null,
    isSameServer:
      profile === undefined || newest === undefined ? null : profile.uuid === newest.sourceUuid,
    gtidMode: profile?.gtidMode ?? null,
    readOnly: trial.isReadOnly ?? null,
    semiSync: trial.semiSync ?? null,
    gtidExecuted: textOf(history?.executed),
    lacking: textOf(trial.lacking),
    ahead: textOf(trial.ahead),
    missing: textOf(trial.missing),
    begins: beginsOf(trial, newest),
    findings: (trial.findings ?? [])
      .filter(({ severity }) => severity !== 'ok')
      .map(({ id, severity, found, remedy }) => ({ id, severity, found, remedy })),
  }
}

function beginsOf({ begin }: SourceTrial, newest: FileBegin | undefined): SwitchResult['begins'] {
  if (begin === undefined) return null
  const { sourceFile, continues } = begin
  if (newest === undefined) return { file: sourceFile, sourceFile, isNew: true }
  const file = continues ? newest.name : fileNameAfter(newest.name, sourceFile)
  return { file, sourceFile, isNew: !continues }
}

function textOf(gtids: GtidSet | undefined): string | null {
  return gtids?.toLine() ?? null
}
