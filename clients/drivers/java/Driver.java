import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Manager;
import io.socket.client.Socket;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Drives socket.io's Java client: commands as JSON lines on standard input, what is heard on standard output. clients/driver.ts says what each means. */
public class Driver {
  static final Map<String, Socket> sockets = new HashMap<>();

  static Object pack(Object value) throws JSONException {
    if (value instanceof byte[]) return new JSONObject().put("$binary", Base64.getEncoder().encodeToString((byte[]) value));
    return each(value, true);
  }

  static Object unpack(Object value) throws JSONException {
    if (value instanceof JSONObject && ((JSONObject) value).has("$binary")) return Base64.getDecoder().decode(((JSONObject) value).getString("$binary"));
    return each(value, false);
  }

  static Object each(Object value, boolean packing) throws JSONException {
    if (value instanceof JSONArray) {
      JSONArray from = (JSONArray) value, to = new JSONArray();
      for (int i = 0; i < from.length(); i++) to.put(packing ? pack(from.get(i)) : unpack(from.get(i)));
      return to;
    }
    if (!(value instanceof JSONObject)) return value == null ? JSONObject.NULL : value;
    JSONObject from = (JSONObject) value, to = new JSONObject();
    for (Iterator<?> keys = from.keys(); keys.hasNext(); ) {
      String key = (String) keys.next();
      to.put(key, packing ? pack(from.get(key)) : unpack(from.get(key)));
    }
    return to;
  }

  static Object[] argsOf(JSONObject command) throws JSONException {
    JSONArray args = command.getJSONArray("args");
    Object[] all = new Object[args.length()];
    for (int i = 0; i < all.length; i++) all[i] = unpack(args.get(i));
    return all;
  }

  static JSONArray list(Object[] args) throws JSONException {
    JSONArray all = new JSONArray();
    for (Object arg : args) all.put(pack(arg));
    return all;
  }

  static synchronized void tell(String as, String what, Object... more) {
    try {
      JSONObject line = new JSONObject().put("as", as).put("what", what);
      for (int i = 0; i < more.length; i += 2) line.put((String) more[i], more[i + 1]);
      byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
      System.out.write(bytes, 0, bytes.length);
      System.out.flush();
    } catch (JSONException error) {
      throw new RuntimeException(error);
    }
  }

  static void listen(String as, Socket socket) {
    sockets.put(as, socket);
    socket.on(Socket.EVENT_CONNECT, args -> tell(as, "connect"));
    socket.on(Socket.EVENT_DISCONNECT, args -> tell(as, "disconnect"));
    socket.on(Socket.EVENT_CONNECT_ERROR, args -> {
      JSONObject data = args[0] instanceof JSONObject ? ((JSONObject) args[0]).optJSONObject("data") : null;
      if (data != null) tell(as, "refused", "data", data);
    });
    socket.onAnyIncoming(args -> {
      try {
        Object last = args[args.length - 1];
        Object[] said = Arrays.copyOfRange(args, 1, last instanceof Ack ? args.length - 1 : args.length);
        tell(as, "event", "event", args[0], "args", list(said));
        if (last instanceof Ack) ((Ack) last).call(said);
      } catch (JSONException error) {
        throw new RuntimeException(error);
      }
    });
    socket.open();
  }

  static void connect(JSONObject command) throws Exception {
    URI url = URI.create(command.getString("url"));
    Manager.Options options = new Manager.Options();
    JSONArray transports = command.getJSONArray("transports");
    options.transports = new String[transports.length()];
    for (int i = 0; i < transports.length(); i++) options.transports[i] = transports.getString(i);
    options.reconnectionDelay = 100;
    options.reconnectionDelayMax = 500;
    options.query = url.getRawQuery();
    IO.Options own = new IO.Options();
    JSONObject auth = command.optJSONObject("auth");
    if (auth != null) {
      own.auth = new HashMap<>();
      for (Iterator<?> keys = auth.keys(); keys.hasNext(); ) {
        String key = (String) keys.next();
        own.auth.put(key, auth.getString(key));
      }
    }
    Manager manager = new Manager(URI.create(url.getScheme() + "://" + url.getAuthority()), options);
    listen(command.getString("as"), manager.socket(url.getPath().isEmpty() ? "/" : url.getPath(), own));
    JSONArray joining = command.optJSONArray("joining");
    for (int i = 0; joining != null && i < joining.length(); i++)
      listen(joining.getJSONObject(i).getString("as"), manager.socket(joining.getJSONObject(i).getString("namespace"), own));
  }

  public static void main(String[] ignored) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JSONObject command = new JSONObject(line);
      String as = command.getString("as");
      switch (command.getString("do")) {
        case "connect" -> connect(command);
        case "emit" -> sockets.get(as).emit(command.getString("event"), argsOf(command));
        case "ask" -> {
          int n = command.getInt("n");
          sockets.get(as).emit(command.getString("event"), argsOf(command), (Ack) answer -> {
            try {
              tell(as, "ack", "n", n, "args", list(answer));
            } catch (JSONException error) {
              throw new RuntimeException(error);
            }
          });
        }
        case "disconnect" -> sockets.get(as).disconnect();
        default -> throw new IllegalArgumentException(line);
      }
    }
    System.exit(0);
  }
}
