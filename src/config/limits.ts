/*
  The named bounds of the program that belong to no folder alone. What happens at each is beside it.
*/

/** A shorter token is refused at the start. */
export const ADMIN_TOKEN_LENGTH_LEAST = 16

/** A shorter secret of the cluster is refused at the start. */
export const CLUSTER_SECRET_LENGTH_LEAST = 16

/** A larger body of an HTTP request is answered 413. */
export const ADMIN_BODY_BYTES_MOST = 1024 * 1024

/** A command that waits longer for the running node ends with E_ADMIN_UNREACHABLE. */
export const ADMIN_ANSWER_WAIT_MS = 10_000

/** A part that has not ended this long after SIGTERM is left behind: the process exits without it. */
export const SHUTDOWN_WAIT_MS = 8000

/** Within the above, dumps get this long to send EOF before their connections are closed. */
export const SHUTDOWN_DUMPS_WAIT_MS = 2000

/** More bytes in a users file are refused. */
export const USERS_FILE_BYTES_MOST = 1024 * 1024

/** A users file that has changed is taken up within this time. */
export const USERS_FILE_LOOK_MS = 200

/** How often the free bytes of the disk are looked at; what is written in between may pass the bound. */
export const DISK_LOOK_MS = 250

/** A disk that has not answered for so long is called slow, in the state and in the log. */
export const DISK_SLOW_MS = 1000

/** How often a file is opened to see whether one can be. */
export const OPEN_FILES_LOOK_MS = 1000

/** After its last slow answer it is called slow for so long, unless a sync was quick meanwhile. */
export const DISK_WELL_MS = 5000

/** How often retention looks for files to remove. */
export const RETENTION_LOOK_MS = 1000

/** How often the replicas of all nodes are looked at, for what they need. */
export const REPLICAS_LOOK_MS = 2000

/** A journal that has failed is read anew after this, and again until the disk takes it. */
export const JOURNAL_RETRY = { firstMs: 1000, mostMs: 10_000 }

/** One that fails sooner after it was read anew is waited for longer than the time before. */
export const JOURNAL_WELL_MS = 60_000

/** A piece that found no room on the disk is tried again after this. */
export const ROOM_RETRY_MS = 500

/** `retention.keep-for-absent-replicas` where a cluster's settings are older than the key. */
export const KEEP_FOR_ABSENT_REPLICAS_MS = 24 * 3_600_000

/** A start or stop of the source that has not come about by then is answered with the state that there is. */
export const SOURCE_COMMAND_WAIT_MS = 3000

/** A switch of the source waits so long for a server to get what it lacks of what is held here. */
export const SWITCH_CATCH_UP_MS = 10_000

/** A switch of the source that has not come about by then is given up, and the old one followed again. */
export const SWITCH_MS_MOST = 30_000

/** More servers in `source.candidates` are refused: all are looked at at once. */
export const CANDIDATES_MOST = 8
