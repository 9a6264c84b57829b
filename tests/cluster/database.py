"""PostgreSQL, asked in its own pod as the owner of its databases."""

ASK = (
    'PGPASSWORD="$(cat /run/secrets/postgres-admin/password)" exec psql --no-psqlrc --quiet'
    ' --tuples-only --no-align --host=127.0.0.1 --username=doorbuster_admin "$@"'
)
TABLES = ("auth.accounts", "product.products", "orders.sales", "orders.sale_orders")
PLANTED = "planted by the cluster test"


class Database:
    def __init__(self, kubectl):
        self._kubectl = kubectl

    def sql(self, statement, database="doorbuster"):
        options = ("--set=ON_ERROR_STOP=1", f"--dbname={database}", "--file=-")
        command = ("exec", "--stdin", "postgres-0", "--", "sh", "-c", ASK, "psql", *options)
        return self._kubectl.run(*command, input=statement).strip()

    def rows(self):
        """{table: how many}, of what customers would miss."""
        return {table: int(self.sql(f"SELECT count(*) FROM {table}")) for table in TABLES}

    def plant_newer_schema(self, schema):
        """As if the next version's migrations had run already."""
        self.sql(
            f"INSERT INTO {schema}.schema_migrations (version, name, sha256)"
            f" SELECT max(version) + 1, '{PLANTED}', '' FROM {schema}.schema_migrations"
        )

    def remove_newer_schema(self, schema):
        self.sql(f"DELETE FROM {schema}.schema_migrations WHERE name = '{PLANTED}'")

    def newest_version(self, schema):
        return int(self.sql(f"SELECT max(version) FROM {schema}.schema_migrations"))

    def take_newest_version(self, schema):
        """As if its step had never run; what puts it back."""
        return self.sql(
            f"DELETE FROM {schema}.schema_migrations WHERE version ="
            f" (SELECT max(version) FROM {schema}.schema_migrations)"
            " RETURNING version || ',' || quote_literal(name) || ',' || quote_literal(sha256)"
        )

    def put_back_version(self, schema, kept):
        self.sql(f"INSERT INTO {schema}.schema_migrations (version, name, sha256) VALUES ({kept})")
