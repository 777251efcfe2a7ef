import com.alibaba.otter.canal.instance.manager.CanalInstanceWithManager;
import com.alibaba.otter.canal.instance.manager.model.Canal;
import com.alibaba.otter.canal.instance.manager.model.CanalParameter;
import com.alibaba.otter.canal.protocol.CanalEntry.Column;
import com.alibaba.otter.canal.protocol.CanalEntry.Entry;
import com.alibaba.otter.canal.protocol.CanalEntry.EntryType;
import com.alibaba.otter.canal.protocol.CanalEntry.RowChange;
import com.alibaba.otter.canal.protocol.CanalEntry.RowData;
import com.alibaba.otter.canal.protocol.ClientIdentity;
import com.alibaba.otter.canal.protocol.Message;
import com.alibaba.otter.canal.server.embedded.CanalServerWithEmbedded;
import com.google.protobuf.ByteString;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A client made of canal's embedded server. */
public final class CanalClient {
    private static final String DESTINATION = "follow";
    private static final int BATCH = 100;

    public static void main(String[] args) throws Exception {
        CanalServerWithEmbedded server = CanalServerWithEmbedded.instance();
        server.setCanalInstanceGenerator(name -> new CanalInstanceWithManager(settings(), "app\\..*"));
        server.start();
        server.start(DESTINATION);
        Runtime.getRuntime().addShutdownHook(new Thread(server::stop));
        ClientIdentity identity = new ClientIdentity(DESTINATION, (short) 1001, "app\\..*");
        server.subscribe(identity);
        for (;;) {
            Message message = server.getWithoutAck(identity, BATCH, 500L, TimeUnit.MILLISECONDS);
            if (message.getId() < 0) continue;
            if (message.isRaw()) {
                for (ByteString entry : message.getRawEntries()) take(Entry.parseFrom(entry));
            } else {
                for (Entry entry : message.getEntries()) take(entry);
            }
            server.ack(identity, message.getId());
        }
    }

    private static Canal settings() {
        CanalParameter parameter = new CanalParameter();
        parameter.setDataDir(Follow.STATE.toString());
        parameter.setMetaMode(CanalParameter.MetaMode.LOCAL_FILE);
        parameter.setMetaFileFlushPeriod(500);
        parameter.setStorageMode(CanalParameter.StorageMode.MEMORY);
        parameter.setIndexMode(CanalParameter.IndexMode.MEMORY_META_FAILBACK);
        parameter.setHaMode(CanalParameter.HAMode.HEARTBEAT);
        parameter.setSourcingType(CanalParameter.SourcingType.MYSQL);
        parameter.setDbAddresses(List.of(new InetSocketAddress("127.0.0.1", Follow.PORT)));
        parameter.setDbUsername(Follow.USER);
        parameter.setDbPassword(Follow.PASSWORD);
        parameter.setPositions(List.of("{\"journalName\":\"" + Follow.FILE + "\",\"position\":4}"));
        parameter.setSlaveId(Follow.SERVER_ID);
        parameter.setDefaultConnectionTimeoutInSeconds(30);
        parameter.setConnectionCharset("UTF-8");
        parameter.setConnectionCharsetNumber((byte) 33);
        parameter.setDefaultDatabaseName("app");
        parameter.setDetectingEnable(false);
        // The history of tables that canal keeps by default, and which makes it ask for all tables at once.
        parameter.setTsdbEnable(true);
        parameter.setTsdbJdbcUrl("jdbc:h2:" + Follow.STATE.resolve("tables") + ";MODE=MYSQL");
        parameter.setTsdbJdbcUserName("canal");
        parameter.setTsdbJdbcPassword("canal");
        Canal canal = new Canal();
        canal.setId(1L);
        canal.setName(DESTINATION);
        canal.setCanalParameter(parameter);
        return canal;
    }

    private static void take(Entry entry) throws Exception {
        if (entry.getEntryType() != EntryType.ROWDATA) return;
        RowChange change = RowChange.parseFrom(entry.getStoreValue());
        if (change.getIsDdl()) return;
        for (RowData row : change.getRowDatasList()) {
            String values = "[" + values(row.getBeforeColumnsList()) + "," + values(row.getAfterColumnsList()) + "]";
            Follow.tell(change.getEventType().name().toLowerCase(), entry.getHeader().getTableName(), values);
        }
    }

    private static String values(List<Column> columns) {
        return columns.stream()
            .map(column -> Follow.quote(column.getName()) + ":" + (column.getIsNull() ? "null" : Follow.quote(column.getValue())))
            .collect(Collectors.joining(",", "{", "}"));
    }
}
