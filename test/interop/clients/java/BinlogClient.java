import com.github.shyiko.mysql.binlog.BinaryLogClient;
import com.github.shyiko.mysql.binlog.event.DeleteRowsEventData;
import com.github.shyiko.mysql.binlog.event.Event;
import com.github.shyiko.mysql.binlog.event.EventData;
import com.github.shyiko.mysql.binlog.event.EventType;
import com.github.shyiko.mysql.binlog.event.TableMapEventData;
import com.github.shyiko.mysql.binlog.event.UpdateRowsEventData;
import com.github.shyiko.mysql.binlog.event.WriteRowsEventData;
import java.io.Serializable;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A client made of BinaryLogClient, which connects again by itself: by file and position, or with "gtid" by GTID. */
public final class BinlogClient {
    private static final Map<Long, TableMapEventData> TABLES = new HashMap<>();

    public static void main(String[] args) throws Exception {
        boolean byGtid = args.length > 0 && args[0].equals("gtid");
        BinaryLogClient client = new BinaryLogClient("127.0.0.1", Follow.PORT, Follow.USER, Follow.PASSWORD);
        client.setServerId(Follow.SERVER_ID);
        client.setHeartbeatInterval(2000);
        client.setKeepAliveInterval(1000);
        List<String> state = Follow.loadState();
        if (byGtid) {
            client.setGtidSet(state.isEmpty() ? "" : String.join("", state));
        } else {
            client.setBinlogFilename(state.isEmpty() ? Follow.FILE : state.get(0));
            client.setBinlogPosition(state.isEmpty() ? 4 : Long.parseLong(state.get(1)));
        }
        client.registerEventListener(event -> {
            take(event);
            if (event.getHeader().getEventType() != EventType.XID) return;
            if (byGtid) Follow.saveState(client.getGtidSet());
            else Follow.saveState(client.getBinlogFilename(), Long.toString(nextPosition(event)));
        });
        client.connect();
    }

    private static long nextPosition(Event event) {
        return ((com.github.shyiko.mysql.binlog.event.EventHeaderV4) event.getHeader()).getNextPosition();
    }

    private static void take(Event event) {
        EventData data = event.getData();
        if (data instanceof TableMapEventData) {
            TABLES.put(((TableMapEventData) data).getTableId(), (TableMapEventData) data);
        } else if (data instanceof WriteRowsEventData) {
            WriteRowsEventData rows = (WriteRowsEventData) data;
            for (Serializable[] row : rows.getRows()) tell("insert", rows.getTableId(), values(row));
        } else if (data instanceof DeleteRowsEventData) {
            DeleteRowsEventData rows = (DeleteRowsEventData) data;
            for (Serializable[] row : rows.getRows()) tell("delete", rows.getTableId(), values(row));
        } else if (data instanceof UpdateRowsEventData) {
            UpdateRowsEventData rows = (UpdateRowsEventData) data;
            for (Map.Entry<Serializable[], Serializable[]> row : rows.getRows()) {
                String both = "[" + values(row.getKey()) + "," + values(row.getValue()) + "]";
                tell("update", rows.getTableId(), both);
            }
        }
    }

    private static void tell(String operation, long tableId, String values) {
        TableMapEventData table = TABLES.get(tableId);
        if (table.getDatabase().equals("app")) Follow.tell(operation, table.getTable(), values);
    }

    private static String values(Serializable[] row) {
        return Arrays.stream(row).map(Follow::quote).collect(Collectors.joining(",", "[", "]"));
    }
}
