import type { Logger, OperationalError } from '../../lib/index.ts'

/** Tells of damage with which files are opened all the same. @throws it, where they are not to be opened so */
export function tolerate(
  {
    met,
    logger,
  }: { readonly met?: ((damage: OperationalError) => void) | undefined; readonly logger: Logger },
  damage: OperationalError,
): void {
  if (met === undefined) throw damage
  logger.error({ code: damage.code, ...damage.context }, damage.message)
  met(damage)
}
