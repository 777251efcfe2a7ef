import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** What the Java clients share: where to read, what was told, how far they are. */
final class Follow {
    static final int PORT = Integer.parseInt(env("PORT"));
    static final long SERVER_ID = Long.parseLong(env("SERVER_ID"));
    static final String USER = env("USER");
    static final String PASSWORD = env("PASSWORD");
    static final String FILE = env("FILE");
    static final Path STATE = Path.of(env("STATE"));
    private static final Path OUTPUT = Path.of(env("OUTPUT"));

    private Follow() {}

    private static String env(String name) {
        return System.getenv("FOLLOW_" + name);
    }

    /** Writes one change; the values are JSON already. */
    static synchronized void tell(String operation, String table, String values) {
        String line = "[" + quote(operation) + "," + quote(table) + "," + values + "]\n";
        try {
            Files.writeString(OUTPUT, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    static String quote(Object value) {
        if (value == null) return "null";
        String text = value.toString().replace("\\", "\\\\").replace("\"", "\\\"");
        return '"' + text + '"';
    }

    /** What saveState was given last, or nothing. */
    static List<String> loadState() throws IOException {
        Path file = STATE.resolve("position");
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    static void saveState(String... lines) {
        try {
            Path fresh = STATE.resolve("position.new");
            Files.write(fresh, List.of(lines));
            Files.move(fresh, STATE.resolve("position"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
