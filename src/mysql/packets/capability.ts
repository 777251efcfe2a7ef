/** Bits of the capability flags that both sides send while connecting (CLIENT_... in MySQL). */
export const Capability = {
  LONG_PASSWORD: 0x1,
  FOUND_ROWS: 0x2,
  LONG_FLAG: 0x4,
  CONNECT_WITH_DB: 0x8,
  NO_SCHEMA: 0x10,
  COMPRESS: 0x20,
  ODBC: 0x40,
  LOCAL_FILES: 0x80,
  IGNORE_SPACE: 0x100,
  PROTOCOL_41: 0x200,
  INTERACTIVE: 0x400,
  SSL: 0x800,
  IGNORE_SIGPIPE: 0x1000,
  TRANSACTIONS: 0x2000,
  RESERVED: 0x4000,
  SECURE_CONNECTION: 0x8000,
  MULTI_STATEMENTS: 0x10000,
  MULTI_RESULTS: 0x20000,
  PS_MULTI_RESULTS: 0x40000,
  PLUGIN_AUTH: 0x80000,
  CONNECT_ATTRS: 0x100000,
  PLUGIN_AUTH_LENENC: 0x200000,
  CAN_HANDLE_EXPIRED_PASSWORDS: 0x400000,
  SESSION_TRACK: 0x800000,
  DEPRECATE_EOF: 0x1000000,
  OPTIONAL_RESULTSET_METADATA: 0x2000000,
  ZSTD_COMPRESSION: 0x4000000,
  QUERY_ATTRIBUTES: 0x8000000,
  MULTI_FACTOR: 0x10000000,
} as const

/** Collation of the greeting and of text columns: utf8mb4_0900_ai_ci, as MySQL 9 announces. */
export const COLLATION_UTF8MB4 = 255

/** Status flag SERVER_STATUS_AUTOCOMMIT, the only one that a server without tables sends of itself. */
export const STATUS_AUTOCOMMIT = 0x2

/** Status flag SERVER_MORE_RESULTS_EXISTS: the answer to the next statement of the same command follows. */
export const STATUS_MORE_RESULTS = 0x8
