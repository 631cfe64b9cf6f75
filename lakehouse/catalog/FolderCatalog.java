package lakehouse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.analysis.NamespaceAlreadyExistsException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.NonEmptyNamespaceException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.catalyst.catalog.CatalogStorageFormat;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.catalog.CatalogTableType;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.NamespaceChange;
import org.apache.spark.sql.connector.catalog.StagedTable;
import org.apache.spark.sql.connector.catalog.StagingTableCatalog;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalogCapability;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.TableInfo;
import org.apache.spark.sql.connector.catalog.TableWritePrivilege;
import org.apache.spark.sql.connector.catalog.constraints.Constraint;
import org.apache.spark.sql.connector.catalog.constraints.PrimaryKey;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.delta.DeltaLog;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Three-level names over a folder tree: {@code catalog.schema.table} is the Delta table in
 * {@code ROOT/catalog/schema/table}.
 *
 * <p>Every call is handed to Delta's own catalog by path. What is added here are the names, the
 * namespaces (a schema is a folder), and PRIMARY KEY, which Unity Catalog keeps as information about
 * the table and open Delta does not know: it becomes the table property {@link #PRIMARY_KEY}.
 */
public class FolderCatalog implements StagingTableCatalog, SupportsNamespaces {
  /** Table property with the JSON object {@code {"name": constraint, "columns": [column, ...]}}. */
  static final String PRIMARY_KEY = "workbook.constraint.primary_key";

  /** Starts the name of a table that is still being made: it can be used by that name and is never listed. */
  private static final String UNLISTED = "__";

  /** Unity Catalog refuses period, space, slash and control characters in names; "." and "_" also start our hidden folders. */
  private static final Pattern NAME = Pattern.compile("(" + UNLISTED + ")?[\\p{L}\\p{N}][\\p{L}\\p{N}_-]*");

  private String name;
  private Path root;

  @Override
  public void initialize(String name, CaseInsensitiveStringMap options) {
    this.name = name;
    this.root = Paths.get(options.get("root"), name);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String[] defaultNamespace() {
    return new String[] {"default"};
  }

  @Override
  public Set<TableCatalogCapability> capabilities() {
    Set<TableCatalogCapability> capabilities = new HashSet<>(delta().capabilities());
    capabilities.add(TableCatalogCapability.SUPPORT_TABLE_CONSTRAINT);
    return capabilities;
  }

  // Tables

  @Override
  public Identifier[] listTables(String[] namespace) throws NoSuchNamespaceException {
    needNamespace(namespace);
    return children(folder(namespace)).stream()
        .filter(path -> isTable(path) && !path.getFileName().toString().startsWith(UNLISTED))
        .map(path -> Identifier.of(namespace, path.getFileName().toString()))
        .toArray(Identifier[]::new);
  }

  @Override
  public boolean tableExists(Identifier id) {
    return isTable(folder(id));
  }

  @Override
  public Table loadTable(Identifier id) throws NoSuchTableException {
    needTable(id);
    return named(id, delta().loadTable(byPath(id)));
  }

  @Override
  public Table loadTable(Identifier id, Set<TableWritePrivilege> privileges) throws NoSuchTableException {
    needTable(id);
    return named(id, delta().loadTable(byPath(id), privileges));
  }

  @Override
  public Table loadTable(Identifier id, String version) throws NoSuchTableException {
    needTable(id);
    return delta().loadTable(byPath(id), version);
  }

  @Override
  public Table loadTable(Identifier id, long timestamp) throws NoSuchTableException {
    needTable(id);
    return delta().loadTable(byPath(id), timestamp);
  }

  @Override
  public Table createTable(Identifier id, TableInfo info)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    needFree(id);
    return delta().createTable(byPath(id), columns(info), info.partitions(), properties(info));
  }

  /** Called by Delta for {@code SHALLOW CLONE}, which goes on with the table that this gives. */
  @Override
  public Table createTable(Identifier id, StructType schema, Transform[] partitions, Map<String, String> properties)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    needFree(id);
    return named(id, delta().createTable(byPath(id), schema, partitions, properties));
  }

  @Override
  public StagedTable stageCreate(Identifier id, TableInfo info)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    needFree(id);
    return delta().stageCreate(byPath(id), columns(info), info.partitions(), properties(info));
  }

  @Override
  public StagedTable stageReplace(Identifier id, TableInfo info)
      throws NoSuchNamespaceException, NoSuchTableException {
    needTable(id);
    return delta().stageReplace(byPath(id), columns(info), info.partitions(), properties(info));
  }

  @Override
  public StagedTable stageCreateOrReplace(Identifier id, TableInfo info) throws NoSuchNamespaceException {
    needNamespace(id.namespace());
    return delta().stageCreateOrReplace(byPath(id), columns(info), info.partitions(), properties(info));
  }

  @Override
  public Table alterTable(Identifier id, TableChange... changes) throws NoSuchTableException {
    needTable(id);
    Table table = delta().loadTable(byPath(id));
    TableChange[] known = Arrays.stream(changes).map(change -> asProperty(table, change)).toArray(TableChange[]::new);
    return delta().alterTable(byPath(id), known);
  }

  @Override
  public boolean dropTable(Identifier id) {
    if (!tableExists(id)) {
      return false;
    }
    remove(folder(id));
    return true;
  }

  @Override
  public boolean purgeTable(Identifier id) {
    return dropTable(id);
  }

  @Override
  public void renameTable(Identifier from, Identifier to) throws NoSuchTableException, TableAlreadyExistsException {
    needTable(from);
    if (tableExists(to)) {
      throw new TableAlreadyExistsException(to);
    }
    try {
      Files.move(folder(from), folder(to), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw refused("rename", folder(from), e);
    }
    forget(folder(from));
  }

  // Namespaces

  @Override
  public String[][] listNamespaces() {
    return children(root).stream()
        .map(path -> new String[] {path.getFileName().toString()})
        .toArray(String[][]::new);
  }

  @Override
  public String[][] listNamespaces(String[] namespace) throws NoSuchNamespaceException {
    if (namespace.length == 0) {
      return listNamespaces();
    }
    needNamespace(namespace);
    return new String[0][];
  }

  @Override
  public boolean namespaceExists(String[] namespace) {
    return namespace.length == 1 && Files.isDirectory(folder(namespace));
  }

  @Override
  public Map<String, String> loadNamespaceMetadata(String[] namespace) throws NoSuchNamespaceException {
    needNamespace(namespace);
    return Map.of("location", folder(namespace).toString());
  }

  @Override
  public void createNamespace(String[] namespace, Map<String, String> metadata) throws NamespaceAlreadyExistsException {
    if (namespace.length != 1) {
      throw new IllegalArgumentException(
          "A schema has two levels, catalog.schema; got " + name + "." + String.join(".", namespace) + ".");
    }
    try {
      Files.createDirectories(root);
      Files.createDirectory(folder(namespace));
    } catch (FileAlreadyExistsException e) {
      throw new NamespaceAlreadyExistsException(namespace);
    } catch (IOException e) {
      throw refused("create", folder(namespace), e);
    }
  }

  @Override
  public void alterNamespace(String[] namespace, NamespaceChange... changes) {
    throw new UnsupportedOperationException("ALTER SCHEMA is not kept by the folder catalog.");
  }

  @Override
  public boolean dropNamespace(String[] namespace, boolean cascade)
      throws NoSuchNamespaceException, NonEmptyNamespaceException {
    if (!cascade && listTables(namespace).length > 0) {
      throw new NonEmptyNamespaceException(namespace);
    }
    needNamespace(namespace);
    remove(folder(namespace));
    return true;
  }

  // PRIMARY KEY

  private static Map<String, String> properties(TableInfo info) {
    Map<String, String> properties = new java.util.HashMap<>(info.properties());
    for (Constraint constraint : info.constraints()) {
      properties.put(PRIMARY_KEY, json(primaryKey(constraint)));
    }
    return properties;
  }

  /** The columns as declared, those of the primary key NOT NULL, as Unity Catalog makes them. */
  private static Column[] columns(TableInfo info) {
    Set<String> keys = new HashSet<>();
    for (Constraint constraint : info.constraints()) {
      keys.addAll(names(primaryKey(constraint)));
    }
    return Arrays.stream(info.columns())
        .map(c -> keys.contains(c.name().toLowerCase(Locale.ROOT)) && c.nullable()
            ? Column.create(c.name(), c.dataType(), false, c.comment(), c.defaultValue(), c.metadataInJSON())
            : c)
        .toArray(Column[]::new);
  }

  // Spark wraps an IllegalArgumentException from here into one that Python shows with its Java stack trace.
  private static TableChange asProperty(Table table, TableChange change) {
    if (change instanceof TableChange.AddConstraint add) {
      PrimaryKey key = primaryKey(add.constraint());
      if (table.properties().containsKey(PRIMARY_KEY)) {
        throw new UnsupportedOperationException("The table has a primary key already: " + table.properties().get(PRIMARY_KEY)
            + ". Drop it first with ALTER TABLE ... UNSET TBLPROPERTIES ('" + PRIMARY_KEY + "').");
      }
      Set<String> nullable = Arrays.stream(table.columns())
          .filter(Column::nullable)
          .map(c -> c.name().toLowerCase(Locale.ROOT))
          .collect(Collectors.toSet());
      for (String column : names(key)) {
        if (nullable.contains(column)) {
          throw new UnsupportedOperationException("Cannot create the primary key `" + key.name()
              + "` because its child column(s) `" + column + "` is nullable."
              + " Please change the column nullability and retry: here that means CREATE TABLE with NOT NULL.");
        }
      }
      return TableChange.setProperty(PRIMARY_KEY, json(key));
    }
    return change;
  }

  private static PrimaryKey primaryKey(Constraint constraint) {
    if (constraint instanceof PrimaryKey key) {
      return key;
    }
    throw new IllegalArgumentException("Only PRIMARY KEY can be declared with the table here, not: "
        + constraint.toDDL() + ". Add CHECK by ALTER TABLE ... ADD CONSTRAINT; FOREIGN KEY and UNIQUE are not kept.");
  }

  private static List<String> names(PrimaryKey key) {
    return Arrays.stream(key.columns())
        .map(column -> String.join(".", column.fieldNames()).toLowerCase(Locale.ROOT))
        .toList();
  }

  private static String json(PrimaryKey key) {
    String columns = names(key).stream().map(c -> '"' + c + '"').collect(Collectors.joining(", ", "[", "]"));
    return "{\"name\": \"" + key.name() + "\", \"columns\": " + columns + "}";
  }

  // Paths

  private Path folder(String[] namespace) {
    Path path = root;
    for (String part : namespace) {
      path = path.resolve(checked(part));
    }
    return path;
  }

  private Path folder(Identifier id) {
    return folder(id.namespace()).resolve(checked(id.name()));
  }

  private static String checked(String part) {
    if (!NAME.matcher(part).matches()) {
      throw new IllegalArgumentException("`" + part + "` is not a valid name. Use letters, digits, _ and -, and begin"
          + " with a letter or digit.");
    }
    return part.toLowerCase(Locale.ROOT);
  }

  /** A table is there once its first commit is: what a killed write left behind without one is not a table. */
  private static boolean isTable(Path path) {
    Path log = path.resolve("_delta_log");
    if (!Files.isDirectory(log)) {
      return false;
    }
    try (Stream<Path> files = Files.list(log)) {
      return files.map(file -> file.getFileName().toString())
          .anyMatch(file -> !file.startsWith(".") && (file.endsWith(".json") || file.endsWith(".parquet")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Path> children(Path path) {
    try (Stream<Path> paths = Files.list(path)) {
      return paths.filter(p -> Files.isDirectory(p) && NAME.matcher(p.getFileName().toString()).matches())
          .sorted()
          .collect(Collectors.toCollection(ArrayList::new));
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Moves the folder out of sight first, so that a kill in the middle leaves no half of a table under its name. */
  private static void remove(Path path) {
    Path trash = path.resolveSibling("." + path.getFileName() + "-" + UUID.randomUUID());
    try {
      Files.move(path, trash, StandardCopyOption.ATOMIC_MOVE);
      forget(path);
      try (Stream<Path> files = Files.walk(trash)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw refused("drop", path, e);
    }
  }

  private static IllegalArgumentException refused(String verb, Path path, IOException e) {
    return new IllegalArgumentException("Cannot " + verb + " " + path + " (" + e.getClass().getSimpleName() + ")."
        + " Check that the folder is writable and that the disk has room.", e);
  }

  private void needNamespace(String[] namespace) throws NoSuchNamespaceException {
    if (!namespaceExists(namespace)) {
      throw new NoSuchNamespaceException(namespace);
    }
  }

  private void needTable(Identifier id) throws NoSuchTableException {
    if (!tableExists(id)) {
      throw new NoSuchTableException(id);
    }
  }

  private void needFree(Identifier id) throws NoSuchNamespaceException, TableAlreadyExistsException {
    needNamespace(id.namespace());
    if (tableExists(id)) {
      throw new TableAlreadyExistsException(id);
    }
  }

  // Delta

  private static org.apache.spark.sql.classic.SparkSession spark() {
    return (org.apache.spark.sql.classic.SparkSession) SparkSession.active();
  }

  /** Delta's catalog works only under the name spark_catalog, where the session configures it. */
  private static StagingTableCatalog delta() {
    return (StagingTableCatalog) spark().sessionState().catalogManager().catalog("spark_catalog");
  }

  private Identifier byPath(Identifier id) {
    return Identifier.of(new String[] {"delta"}, folder(id).toString());
  }

  private static void forget(Path path) {
    DeltaLog.invalidateCache(spark(), new org.apache.hadoop.fs.Path(path.toUri()));
  }

  /**
   * Gives Delta's table its three-level name. Streaming reads need a {@link CatalogTable}; the table-identifier field
   * stays empty, because RESTORE and OPTIMIZE would look a three-part identifier up in the session catalog.
   */
  private Table named(Identifier id, Table table) {
    if (!(table instanceof DeltaTableV2 delta) || delta.timeTravelOpt().isDefined()) {
      return table;
    }
    var none = scala.Option.<String>empty();
    var noOptions = scala.collection.immutable.Map$.MODULE$.<String, String>empty();
    var noColumns = scala.collection.immutable.Seq$.MODULE$.<String>newBuilder().result();
    var storage = new CatalogStorageFormat(
        scala.Option.apply(folder(id).toUri()), none, none, none, false, noOptions);
    var identifier = new TableIdentifier(id.name(), scala.Option.apply(id.namespace()[0]), scala.Option.apply(name));
    var catalogTable = new CatalogTable(
        identifier, CatalogTableType.EXTERNAL(), storage, delta.schema(), scala.Option.apply("delta"), noColumns,
        scala.Option.empty(), "", 0L, -1L, "", noOptions, scala.Option.empty(), none, none, none, noColumns, false,
        false, noOptions, none);
    return delta.copy(delta.copy$default$1(), delta.path(), scala.Option.apply(catalogTable), none,
        delta.timeTravelOpt(), delta.options());
  }
}
