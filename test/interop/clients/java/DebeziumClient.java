import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.io.IOException;
import java.util.Map;
import java.util.Properties;

/**
 * A client made of Debezium's embedded engine: begins with the tables as they are, and no rows of them; with
 * FOLLOW_SNAPSHOT=initial it begins with their rows, as Debezium does by default.
 */
public final class DebeziumClient {
    private static final Map<String, String> OPERATIONS = Map.of("r", "read", "c", "insert", "u", "update", "d", "delete");
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(DebeziumClient::close));
        for (;;) {
            engine = DebeziumEngine.create(Json.class).using(settings()).notifying(DebeziumClient::take).build();
            engine.run();
            if (isClosing) return;
            System.out.println("the engine has ended, and is begun anew");
            Thread.sleep(1000);
        }
    }

    private static volatile DebeziumEngine<ChangeEvent<String, String>> engine;
    private static volatile boolean isClosing;

    private static void close() {
        isClosing = true;
        try {
            engine.close();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Properties settings() {
        Properties settings = new Properties();
        settings.setProperty("name", "follow");
        settings.setProperty("connector.class", "io.debezium.connector.mysql.MySqlConnector");
        settings.setProperty("database.hostname", "127.0.0.1");
        settings.setProperty("database.port", Integer.toString(Follow.PORT));
        settings.setProperty("database.user", Follow.USER);
        settings.setProperty("database.password", Follow.PASSWORD);
        settings.setProperty("database.server.id", Long.toString(Follow.SERVER_ID));
        settings.setProperty("database.include.list", "app");
        settings.setProperty("topic.prefix", "follow");
        if ("initial".equals(System.getenv("FOLLOW_SNAPSHOT"))) {
            settings.setProperty("snapshot.mode", "initial");
        } else {
            // A server without tables has nothing to lock; the definitions are taken as they are.
            settings.setProperty("snapshot.mode", "no_data");
            settings.setProperty("snapshot.locking.mode", "none");
        }
        settings.setProperty("offset.storage", "org.apache.kafka.connect.storage.FileOffsetBackingStore");
        settings.setProperty("offset.storage.file.filename", Follow.STATE.resolve("offsets").toString());
        settings.setProperty("offset.flush.interval.ms", "500");
        settings.setProperty("schema.history.internal", "io.debezium.storage.file.history.FileSchemaHistory");
        settings.setProperty("schema.history.internal.file.filename", Follow.STATE.resolve("history").toString());
        settings.setProperty("key.converter.schemas.enable", "false");
        settings.setProperty("value.converter.schemas.enable", "false");
        settings.setProperty("errors.retry.delay.initial.ms", "300");
        settings.setProperty("errors.retry.delay.max.ms", "2000");
        return settings;
    }

    private static void take(ChangeEvent<String, String> event) {
        if (event.value() == null) return;
        try {
            JsonNode value = JSON.readTree(event.value());
            String operation = OPERATIONS.get(value.path("op").asText());
            if (operation == null) return;
            String before = value.path("before").toString();
            String after = value.path("after").toString();
            String table = value.path("source").path("table").asText();
            Follow.tell(operation, table, "[" + before + "," + after + "]");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
