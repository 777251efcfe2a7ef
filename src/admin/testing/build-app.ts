import { silentLogger } from '../../lib/index.ts'
import type { NodeFace } from '../node-face.ts'
import { type AdminApp, buildAdmin } from '../server.ts'
import { exampleNode } from './example-node.ts'

/** The API of the example node, changed in the named parts; whoever builds it closes it. */
export async function buildExampleApp(node: Partial<NodeFace> = {}): Promise<AdminApp> {
  return await buildAdmin({
    node: { ...exampleNode, ...node },
    version: '1.2.3',
    log: silentLogger,
    token: undefined,
    tls: undefined,
    onBug: (bug) => {
      throw bug
    },
  })
}
