#include <gtest/gtest.h>

#include "server/config/render.h"
#include "server/config/server_config.h"
#include "server/config/tests/loading.h"

namespace insula::config {
namespace {

using namespace std::chrono_literals;
using testing::has;
using testing::has_note;
using testing::kMachine;
using testing::load_env;
using testing::load_environment;
using testing::load_yaml;
using testing::problem_of;

TEST(ConfigLoad, NothingGivenIsTheDefaults) {
    const auto loaded = load({.machine = kMachine});
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_TRUE(loaded->notes.empty());
    EXPECT_EQ(loaded->config.integer("server.rest_port"), 8000);
    EXPECT_EQ(loaded->config.at("server.rest_port").layer, Layer::initial);
    EXPECT_EQ(loaded->config.at("engine.threads").layer, Layer::automatic);
}

TEST(ConfigLoad, HigherSourceWins) {
    Sources sources{
        .flags = {{"server.rest_port", "5", "--rest-port"}},
        .environment = {{"REST_PORT", "4"}, {"INSULA_SERVER_PORT", "14"}},
        .env_file = TextFile{"config.env", "REST_PORT=3\nINSULA_SERVER_PORT=13\nDATA_PATH=/env\n"},
        .yaml = TextFile{"config.yaml",
                         "server:\n  rest_port: 2\n  port: 12\n  data_dir: /yaml\n"
                         "  dev: true\n"},
        .machine = kMachine};
    const auto loaded = load(sources);
    ASSERT_TRUE(loaded) << loaded.error().message();
    const Config& config = loaded->config;
    EXPECT_EQ(config.integer("server.rest_port"), 5);
    EXPECT_EQ(config.at("server.rest_port").where, "--rest-port");
    EXPECT_EQ(config.integer("server.port"), 14);
    EXPECT_EQ(config.at("server.port").where, "environment INSULA_SERVER_PORT");
    EXPECT_EQ(config.text("server.data_dir"), "/env");
    EXPECT_EQ(config.at("server.data_dir").where, "config.env:3");
    EXPECT_TRUE(config.boolean("server.dev"));
    EXPECT_EQ(config.at("server.dev").where, "config.yaml:5");
}

TEST(ConfigLoad, OverriddenMistakeIsAMistakeAllTheSame) {
    const auto loaded = load({.environment = {{"REST_PORT", "8000"}},
                              .yaml = TextFile{"config.yaml", "server:\n  rest_port: x\n"},
                              .machine = kMachine});
    EXPECT_TRUE(has(problem_of(loaded), "config.yaml:2: server.rest_port is \"x\""));
}

TEST(ConfigLoad, FailPointsAreForDevelopmentOnly) {
    EXPECT_TRUE(has(problem_of(load_yaml("server:\n  fail_points: [\"a:3\"]\n")),
                    "config.yaml:2: server.fail_points is for tests: it needs server.dev"));
    EXPECT_TRUE(load_yaml("server:\n  fail_points: []\n"));
    const auto loaded = load_yaml("server:\n  dev: true\n  fail_points: [\"a:3\"]\n");
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_EQ(make_server_config(loaded->config).fail_points, std::vector<std::string>{"a:3"});
}

TEST(ConfigLoad, UnknownYamlKeyNamesFileLineAndNearestKey) {
    const std::string problem =
        problem_of(load_yaml("server:\n"
                             "  host: 127.0.0.1\n"
                             "  rest_prot: 8000\n"
                             "servr:\n"
                             "  port: 1\n"
                             "server.port: 8\n"
                             "zzzzzzzzzzzz: 1\n"));
    EXPECT_EQ(problem,
              "config.yaml:3: unknown key server.rest_prot; did you mean server.rest_port?\n"
              "config.yaml:4: unknown key servr; did you mean server?\n"
              "config.yaml:7: unknown key zzzzzzzzzzzz (`insula config reference` lists all keys)");
}

TEST(ConfigLoad, UnknownVariablesOfOursAreMistakes) {
    EXPECT_EQ(
        problem_of(load_environment({{"INSULA_SERVER_RESTPORT", "1"}})),
        "environment INSULA_SERVER_RESTPORT: unknown variable INSULA_SERVER_RESTPORT; did you mean "
        "INSULA_SERVER_REST_PORT?");
    EXPECT_EQ(problem_of(load_env("\nINSULA_SERVER_RESTPORT=1\n")),
              "config.env:2: unknown variable INSULA_SERVER_RESTPORT; did you mean "
              "INSULA_SERVER_REST_PORT?");
}

TEST(ConfigLoad, OtherVariablesAreIgnoredInTheEnvironmentAndReportedInAFile) {
    const auto environment = load_environment(
        {{"PATH", "/bin"}, {"REST_PROT", "1"}, {"INSULA_API_KEY", "k"}, {"INSULA_SERVER", "s"}});
    ASSERT_TRUE(environment) << environment.error().message();
    EXPECT_TRUE(environment->notes.empty());
    const auto file = load_env("REST_PROT=1\n");
    ASSERT_TRUE(file);
    EXPECT_TRUE(
        has_note(*file, Note::Severity::warning, "config.env:1",
                 "unknown variable REST_PROT, which has no effect; did you mean REST_PORT?"));
}

TEST(ConfigLoad, TwoNamesOfOneKeyAreAMistake) {
    EXPECT_EQ(
        problem_of(load_environment({{"REST_PORT", "1"}, {"INSULA_SERVER_REST_PORT", "1"}})),
        "environment INSULA_SERVER_REST_PORT: REST_PORT and INSULA_SERVER_REST_PORT set the same "
        "key, server.rest_port; keep one of them");
    EXPECT_TRUE(
        has(problem_of(load_yaml("caching:\n  l1:\n    max_size: 1Gi\n  l1_max_size: 2Gi\n")),
            "config.yaml:4: caching.l1_max_size is another name of caching.l1.max_size, which line "
            "3 sets"));
    EXPECT_EQ(problem_of(load_yaml("server:\n  port: 1\n  port: 2\n")),
              "config.yaml:3: server.port is set twice, first in line 2");
}

TEST(ConfigLoad, WrongShapesInYamlSayWhereAndWhat) {
    const auto problem = [](std::string yaml) { return problem_of(load_yaml(std::move(yaml))); };
    EXPECT_EQ(problem("server: 8080\n"), "config.yaml:1: server holds keys, and not a value");
    EXPECT_EQ(problem("- a\n"), "config.yaml:1: the file holds keys, and not a value");
    EXPECT_TRUE(has(problem("server:\n  port: [1, 2]\n"), "config.yaml:2: server.port is a list"));
    EXPECT_TRUE(
        has(problem("server:\n  port: {a: 1}\n"), "config.yaml:2: server.port is a mapping"));
    EXPECT_TRUE(has(problem("server:\n  port:\n"), "config.yaml:2: server.port has no value"));
    EXPECT_TRUE(has(problem("server:\n  port: 1\n bad\n"), "this is not YAML"));
    EXPECT_TRUE(has(problem("a: 1\n---\nb: 1\n"), "more than one YAML document"));
    EXPECT_TRUE(has(problem(","), "more than one YAML document"));
    EXPECT_TRUE(has(problem("server:\n  ? [a, b]\n  : 1\n"), "a key of server is no word"));
    EXPECT_TRUE(has(problem("security:\n  allowed_origins: [[a]]\n"),
                    "config.yaml:2: an item of security.allowed_origins is no text"));
    EXPECT_TRUE(has(problem("replication:\n  regions: here\n"), "this is no list"));
    EXPECT_TRUE(
        has(problem("replication:\n  regions:\n    - name: a\n      endpont: b\n"),
            "config.yaml:4: replication.regions: unknown field \"endpont\": it takes a list of "
            "mappings with name, endpoint"));
    EXPECT_TRUE(has(problem(std::string(100'000, '[')), "this is not YAML"));
}

TEST(ConfigLoad, EmptyFilesAndSectionsAreFine) {
    for (const char* yaml : {"", "# only a comment\n", "server:\n", "---\n"}) {
        EXPECT_TRUE(load_yaml(yaml)) << yaml;
    }
    EXPECT_TRUE(load_env(""));
}

TEST(ConfigLoad, VariablesAreReplacedInYaml) {
    const auto loaded = load({.environment = {{"BASE", "/srv"}, {"EMPTY", ""}},
                              .env_file = TextFile{"config.env", "NAME='Acme: \"West\"'\n"},
                              .yaml = TextFile{"config.yaml",
                                               "server:\n"
                                               "  data_dir: ${BASE}/insula${EMPTY}\n"
                                               "  rest_port: ${PORT:-8123}\n"
                                               "tenant:\n"
                                               "  name: ${NAME} $$5\n"},
                              .machine = kMachine});
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_EQ(loaded->config.text("server.data_dir"), "/srv/insula");
    EXPECT_EQ(loaded->config.integer("server.rest_port"), 8123);
    // A value is never read as YAML again.
    EXPECT_EQ(loaded->config.text("tenant.name"), "Acme: \"West\" $5");
}

TEST(ConfigLoad, UnsetVariableIsAMistakeWhereTheKeyHasAnEffect) {
    EXPECT_TRUE(has(problem_of(load_yaml("server:\n  data_dir: ${BASE}/x\n")),
                    "config.yaml:2: server.data_dir: the variable BASE is not set"));
    EXPECT_TRUE(has(problem_of(load_yaml("server:\n  data_dir: ${BASE\n")), "is written ${NAME}"));
    EXPECT_TRUE(has(problem_of(load_yaml("server:\n  data_dir: ${}\n")), "is written ${NAME}"));
    const auto planned = load_yaml("database:\n  password: ${DB_PASSWORD}\n");
    ASSERT_TRUE(planned) << planned.error().message();
    EXPECT_TRUE(has_note(*planned, Note::Severity::note, "config.yaml:2",
                         "database.password keeps its default: the variable DB_PASSWORD is "
                         "not set"));
}

TEST(ConfigLoad, PartsOfADatabaseMakeAnAddress) {
    const auto url = [](const std::string& yaml) {
        const auto loaded = load_yaml(yaml);
        return loaded ? make_server_config(loaded->config).catalog_url : problem_of(loaded);
    };
    EXPECT_EQ(url(""), "");
    EXPECT_EQ(url("database: {host: db1, password: secret}\n"), "");
    EXPECT_EQ(url("database: {type: postgresql}\n"),
              "postgresql://localhost:5432/insula?application_name=insula");
    const std::string all =
        "database: {type: postgresql, host: \"::1\", port: 5433, name: a/b, user: \"u&v\", "
        "password: \"p w=1\"}\n";
    EXPECT_EQ(url(all),
              "postgresql://[::1]:5433/a%2Fb?application_name=insula&user=u%26v"
              "&password=p%20w%3D1");
    EXPECT_EQ(url("catalog: {url: \"postgresql://db2/c\"}\n"), "postgresql://db2/c");
    EXPECT_TRUE(has(url("catalog: {url: \"mysql://db2/c\"}\n"), "config.yaml:1: catalog.url"));
    EXPECT_TRUE(has(url("catalog: {schema: \"a b\"}\n"), "config.yaml:1: catalog.schema"));
}

TEST(ConfigLoad, AnAddressThatIsNotUsedIsNoted) {
    const std::string host = "database: {host: db1}\n";
    const auto idle = load_yaml(host);
    ASSERT_TRUE(idle);
    EXPECT_TRUE(has_note(*idle, Note::Severity::note, "config.yaml:1",
                         "database.host has no effect: database.type is sqlite"));
    const auto overruled = load_yaml(host + "catalog: {url: \"postgresql://db2/c\"}\n");
    ASSERT_TRUE(overruled) << overruled.error().message();
    EXPECT_TRUE(has_note(*overruled, Note::Severity::note, "config.yaml:1",
                         "database.host has no effect: catalog.url is set"));
}

TEST(ConfigLoad, BareNumbersInSeedNamesHaveTheirUnit) {
    const auto loaded = load_env(
        "WAL_RETENTION_HOURS=24\nCOMPACTION_INTERVAL_MINUTES=60\nMIN_FILE_SIZE_MB=50.0\n"
        "SCALE_UP_THRESHOLD_CPU=70.0\nMAX_FILE_SIZE_MB=1GiB\n");
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_EQ(loaded->config.duration("journal.retention"), 24h);
    EXPECT_EQ(loaded->config.duration("compaction.interval"), 60min);
    EXPECT_EQ(loaded->config.bytes("compaction.min_file_bytes"), 50 * kMiB);
    EXPECT_EQ(loaded->config.bytes("compaction.max_file_bytes"), 1 * kGiB);
    EXPECT_DOUBLE_EQ(loaded->config.ratio("scaling.scale_up_cpu"), 0.7);
}

TEST(ConfigLoad, KeysThatHaveNoEffectYetSaySo) {
    const auto loaded = load_yaml(
        "server:\n  grpc_port: 50051\n"
        "encryption:\n  enabled: true\n"
        "database:\n  type: sqlite\n"
        "monitoring:\n  jaeger_endpoint: http://jaeger:6831\n");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->notes.size(), 3u);
    EXPECT_TRUE(has_note(*loaded, Note::Severity::note, "config.yaml:2",
                         "server.grpc_port has no effect; not yet available: the gRPC interface"));
    EXPECT_TRUE(has_note(*loaded, Note::Severity::warning, "config.yaml:4",
                         "what is stored is not encrypted"));
    EXPECT_TRUE(has_note(*loaded, Note::Severity::warning, "config.yaml:8",
                         "use monitoring.otlp_endpoint instead"));
}

TEST(ConfigLoad, OpenDoorsAreWarnedAbout) {
    const auto loaded = load_yaml(
        "server:\n  insecure: true\n"
        "tenant:\n  id: acme-corp\n"
        "security:\n  allowed_origins: [\"*\"]\n  cors:\n    allow_headers: [\"*\"]\n"
        "replication:\n  conflict_resolution: last-write-wins\n");
    ASSERT_TRUE(loaded);
    const auto warned = [&](const char* where, const char* text) {
        return has_note(*loaded, Note::Severity::warning, where, text);
    };
    EXPECT_TRUE(warned("config.yaml:2", "anybody between can read and change"));
    EXPECT_TRUE(warned("config.yaml:4", "refuses all other tenants is not yet available"));
    EXPECT_TRUE(warned("config.yaml:6", "list the origins"));
    EXPECT_TRUE(warned("config.yaml:8", "list the headers"));
    EXPECT_TRUE(warned("config.yaml:10", "never by wall clocks"));
}

TEST(ConfigLoad, SettingsThatContradictEachOtherAreRefused) {
    const auto problem = [](std::string yaml) { return problem_of(load_yaml(std::move(yaml))); };
    EXPECT_EQ(problem("scaling:\n  min_workers: 60\n"),
              "config.yaml:2: scaling.min_workers (60, config.yaml:2) must not exceed "
              "scaling.max_workers (50)");
    EXPECT_EQ(problem("scaling:\n  max_workers: 1\n"),
              "config.yaml:2: scaling.min_workers (2) must not exceed scaling.max_workers (1, "
              "config.yaml:2)");
    EXPECT_TRUE(has(problem("tables:\n  memtable_bytes: 16MiB\n  memtable_source_bytes: 32MiB\n"),
                    "must not exceed tables.memtable_bytes"));
    EXPECT_TRUE(
        has(problem("server:\n  body_bytes_max: 2GiB\n"), "must not exceed server.request_memory"));
    EXPECT_TRUE(
        has(problem("compaction:\n  target_file_bytes: 1GiB\n"), "compaction.max_file_bytes"));
    EXPECT_EQ(problem("server:\n  port: 8000\n"),
              "config.yaml:2: server.rest_port and server.port are both 8000; give each a port of "
              "its own");
    EXPECT_TRUE(has(problem("server:\n  port_offset: 80\n  port: 8080\n"), "are both 8080"));
    EXPECT_TRUE(has(problem("server:\n  port_offset: 15485\n"), "from 0 to 15484"));
    EXPECT_TRUE(load_yaml("server:\n  port: 0\n  rest_port: 0\n"));
}

TEST(ConfigLoad, WhatIsSizedToTheMachineStaysBelowWhatIsGiven) {
    const auto loaded = load_yaml("tables:\n  memtable_bytes: 16MiB\nengine:\n  memory: 64MiB\n");
    ASSERT_TRUE(loaded) << loaded.error().describe();
    EXPECT_EQ(loaded->config.bytes("tables.memtable_source_bytes"), 16 * kMiB);
    EXPECT_EQ(loaded->config.bytes("tables.flush_source_bytes"), 16 * kMiB);
    EXPECT_EQ(loaded->config.bytes("engine.instance_memory"), 64 * kMiB);
}

TEST(ConfigLoad, ReportsAllMistakesUpToALimit) {
    std::string yaml = "server:\n";
    for (int i = 0; i < 60; ++i) yaml += "  zzzzzzzzz" + std::to_string(i) + ": 1\n";
    const std::string problem = problem_of(load_yaml(yaml));
    EXPECT_EQ(std::count(problem.begin(), problem.end(), '\n'), 50);
    EXPECT_TRUE(problem.ends_with("\nand 10 more"));
}

TEST(ConfigLoad, FlagsWithUnknownKeysAreRefused) {
    const auto loaded = load({.flags = {{"server.prot", "1", "--set"}}, .machine = kMachine});
    EXPECT_EQ(problem_of(loaded), "--set: unknown key server.prot; did you mean server.port?");
}

TEST(ConfigFiles, MissingFolderAndOversizedFilesAreErrors) {
    const auto missing = read_text_file("/no/such/file.yaml");
    ASSERT_FALSE(missing);
    EXPECT_TRUE(has(missing.error().message(),
                    "/no/such/file.yaml: the file cannot be read: No such file"));
    EXPECT_FALSE(read_text_file("/proc"));
    const auto endless = read_text_file("/dev/zero");
    ASSERT_FALSE(endless);
    EXPECT_TRUE(has(endless.error().message(), "larger than 1 MiB"));
    EXPECT_TRUE(read_text_file("/dev/null")->content.empty());
}

TEST(ServerConfig, PortsMoveByTheOffsetUnlessTheyAreGiven) {
    const auto loaded = load_yaml("server:\n  port_offset: 1000\n  port: 8181\n");
    ASSERT_TRUE(loaded);
    const ServerConfig server = make_server_config(loaded->config);
    EXPECT_EQ(server.rest_port, 9000);
    EXPECT_EQ(server.gateway_port, 8181);
}

TEST(ServerConfig, ListensBeyondThisMachineOnlyWithTlsOrTheWordThatItMay) {
    using Variables = std::vector<std::pair<std::string, std::string>>;
    const Variables tls{{"MINIO_SERVER_TLS_ENABLE", "on"},
                        {"MINIO_SERVER_TLS_PUBLIC_CRT", "cert.pem"},
                        {"MINIO_SERVER_TLS_PRIVATE_KEY", "key.pem"}};
    const auto host = [](const char* given, Variables more = {}) {
        more.emplace_back("REST_HOST", given);
        const auto loaded = load_environment(std::move(more));
        return loaded ? make_server_config(loaded->config).host
                      : std::string(loaded.error().message());
    };
    for (const char* beyond : {"0.0.0.0", "10.1.2.3", "127.evil.example.com", "::"}) {
        EXPECT_NE(host(beyond).find("is beyond this machine"), std::string::npos) << beyond;
        EXPECT_NE(host(beyond).find("--insecure"), std::string::npos);
        EXPECT_NE(host(beyond).find("--cert-file"), std::string::npos);
        EXPECT_EQ(host(beyond, tls), beyond);
        EXPECT_EQ(host(beyond, {{"INSULA_SERVER_INSECURE", "on"}}), beyond);
        Variables open = tls;
        open.emplace_back("INSULA_SERVER_DEV", "on");
        EXPECT_NE(host(beyond, open).find("nobody is asked for a key"), std::string::npos);
    }
    for (const char* here : {"127.0.0.1", "127.0.0.2", "localhost", "::1"}) {
        EXPECT_EQ(host(here), here);
        EXPECT_EQ(host(here, {{"INSULA_SERVER_DEV", "on"}}), here);
    }
}

TEST(ServerConfig, HalfOfTlsIsNone) {
    const auto said = [](const char* tls) {
        const auto loaded = load_yaml("server:\n  tls:\n" + std::string(tls));
        return loaded ? std::string() : std::string(loaded.error().message());
    };
    EXPECT_NE(said("    enabled: true\n    cert_file: a\n").find("TLS needs server.tls.key_file"),
              std::string::npos);
    EXPECT_NE(said("    enabled: true\n    key_file: a\n").find("TLS needs server.tls.cert_file"),
              std::string::npos);
    EXPECT_NE(said("    client_certificates: require\n").find("need server.tls.enabled"),
              std::string::npos);
    EXPECT_NE(said("    enabled: true\n    cert_file: a\n    key_file: b\n"
                   "    client_certificates: request\n")
                  .find("need server.tls.client_ca_file"),
              std::string::npos);
    EXPECT_EQ(said("    enabled: true\n    cert_file: a\n    key_file: b\n"), "");
}

TEST(ServerConfig, TenantIsNamedBySlugOrUuid) {
    const auto server = [](const char* id) {
        return make_server_config(load_environment({{"TENANT_ID", id}})->config);
    };
    EXPECT_EQ(server("acme-corp").tenant_slug, "acme-corp");
    EXPECT_FALSE(server("acme-corp").tenant_id);
    const ServerConfig by_id = server("0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b");
    EXPECT_EQ(by_id.tenant_slug, "default_tenant");
    ASSERT_TRUE(by_id.tenant_id);
    EXPECT_EQ(by_id.tenant_id->to_string(), "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b");
}

TEST(ServerConfig, EveryFieldFollowsItsKey) {
    const auto loaded = load_yaml(
        "server:\n  data_dir: /d\n  dev: on\n  allowed_data_roots: [/a, /b]\n  io_threads: 3\n"
        "  worker_threads: 5\n  connections_max: 7\n  body_bytes_max: 1MiB\n  request_memory: "
        "2MiB\n"
        "  answer_memory: 3MiB\n"
        "  request_timeout: 1s\n  header_timeout: 2s\n  stall_timeout: 3s\n  idle_timeout: 4s\n"
        "  stop_timeout: 5s\n"
        "tenant:\n  name: Acme\n"
        "tables:\n  auto_create_sources: false\n  max_concurrent_searches: 11\n"
        "  memtable_bytes: 100MiB\n  memtable_source_bytes: 50MiB\n  flush_source_bytes: 25MiB\n"
        "  flush_memory_ratio: 50%\n"
        "journal:\n  segment_bytes: 2MiB\n  flush_bytes: 8MiB\n"
        "engine:\n  memory: 200MiB\n  instance_memory: 64MiB\n  threads: 9\n  spill_bytes: 1GiB\n"
        "  idle_close: 6s\n"
        "monitoring:\n  log_level: info,tables=debug\n  access_log: false\n  log_file: /l\n"
        "  log_file_bytes: 1MiB\n  log_files: 2\n  metrics_enabled: false\n");
    ASSERT_TRUE(loaded) << loaded.error().message();
    const ServerConfig server = make_server_config(loaded->config);
    EXPECT_EQ(server.data_dir, "/d");
    EXPECT_TRUE(server.dev);
    EXPECT_EQ(server.allowed_data_roots, (std::vector<std::string>{"/a", "/b"}));
    EXPECT_EQ(server.io_threads, 3u);
    EXPECT_EQ(server.worker_threads, 5u);
    EXPECT_EQ(server.connections_max, 7u);
    EXPECT_EQ(server.body_bytes_max, 1 * kMiB);
    EXPECT_EQ(server.request_memory_bytes, 2 * kMiB);
    EXPECT_EQ(server.answer_memory_bytes, 3 * kMiB);
    EXPECT_EQ(server.request_timeout, 1s);
    EXPECT_EQ(server.header_timeout, 2s);
    EXPECT_EQ(server.stall_timeout, 3s);
    EXPECT_EQ(server.idle_timeout, 4s);
    EXPECT_EQ(server.stop_timeout, 5s);
    EXPECT_EQ(server.tenant_name, "Acme");
    EXPECT_FALSE(server.auto_create_sources);
    EXPECT_EQ(server.searches_max, 11u);
    EXPECT_EQ(server.memtable_bytes, 100 * kMiB);
    EXPECT_EQ(server.memtable_source_bytes, 50 * kMiB);
    EXPECT_EQ(server.flush_source_bytes, 25 * kMiB);
    EXPECT_EQ(server.flush_memory_bytes, 50 * kMiB);
    EXPECT_EQ(server.journal_segment_bytes, 2 * kMiB);
    EXPECT_EQ(server.journal_flush_bytes, 8 * kMiB);
    EXPECT_EQ(server.journal_retention, 24h);
    EXPECT_EQ(server.engine_memory_bytes, 200 * kMiB);
    EXPECT_EQ(server.engine_instance_bytes, 64 * kMiB);
    EXPECT_EQ(server.engine_threads, 9u);
    EXPECT_EQ(server.engine_spill_bytes, 1 * kGiB);
    EXPECT_EQ(server.engine_idle_close, 6s);
    EXPECT_EQ(server.log_level, "info,tables=debug");
    EXPECT_FALSE(server.access_log);
    EXPECT_EQ(server.log_output.file, "/l");
    EXPECT_EQ(server.log_output.file_bytes, 1 * kMiB);
    EXPECT_EQ(server.log_output.files_max, 2u);
    EXPECT_FALSE(server.metrics_enabled);
}

TEST(ConfigDeathTest, AskingForWhatIsNotInTheTableAborts) {
    const Config config(kMachine);
    EXPECT_DEATH((void)config.integer("server.nonsense"), "a name in the table");
    EXPECT_DEATH((void)config.boolean("server.port"), "as what it is");
}

}  // namespace
}  // namespace insula::config
