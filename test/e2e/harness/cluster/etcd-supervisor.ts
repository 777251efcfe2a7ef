/*
  A process that supervises one member of etcd, as a node does, to be killed by the tests. Prints
  `ready PID` when etcd is ready.
*/
import { Authority } from '../../../../src/cluster/authority.ts'
import { ClusterSecret } from '../../../../src/cluster/cluster-secret.ts'
import { EtcdMember, type MemberSettings } from '../../../../src/cluster/etcd/index.ts'
import { silentLogger } from '../../../../src/lib/index.ts'
import {
  systemClock,
  systemDisk,
  systemProcesses,
  systemRandom,
} from '../../../../src/platform/index.ts'
import { etcdProgram } from '../project.ts'
import { SECRET } from './etcd-cluster.ts'

const supervised = JSON.parse(process.env['SUPERVISED'] ?? '{}') as {
  readonly settings: MemberSettings
  readonly dataDir: string
}
const member = new EtcdMember({
  ...supervised,
  binary: etcdProgram('etcd'),
  authority: await Authority.from(await ClusterSecret.from(SECRET)),
  disk: systemDisk,
  processes: systemProcesses,
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
})
member.state.follow((state) => {
  if (state.phase === 'ready') console.log(`ready ${state.pid}`)
})
await member.run(new AbortController().signal)
