#include "server/config/render.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "server/config/tests/loading.h"
#include "server/config/value.h"

namespace insula::config {
namespace {

using testing::has;
using testing::has_note;
using testing::kMachine;
using testing::load_env;
using testing::load_yaml;

constexpr const char* kSecret = "s3cr3t-canary";

const std::vector<std::pair<std::string, std::string>> kVariables{{"MINIO_ACCESS_KEY", "access"},
                                                                  {"MINIO_SECRET_KEY", kSecret},
                                                                  {"KMS_KEY_ID", "key-1"},
                                                                  {"DB_USER", "minio"},
                                                                  {"DB_PASSWORD", kSecret}};

Result<LoadedConfig> load_input(
    const std::string& name, const std::vector<std::pair<std::string, std::string>>& environment) {
    auto file = read_text_file(testing::folder() + "/" + name);
    if (!file) return fail(file.error());
    return load_yaml(std::move(file->content), environment);
}

TEST(UsersFiles, ObjectPlatformPassesUnchanged) {
    for (const bool with_variables : {false, true}) {
        const auto loaded = load_input("object_platform.yaml",
                                       with_variables ? kVariables : decltype(kVariables){});
        ASSERT_TRUE(loaded) << loaded.error().message();
        const Config& config = loaded->config;
        EXPECT_EQ(config.bytes("caching.l1.max_size"), 50 * kGiB);
        EXPECT_EQ(config.bytes("caching.l3.max_size"), 10 * 1024 * kGiB);
        EXPECT_EQ(config.bytes("caching.compression.min_size"), 1'000'000u);
        EXPECT_EQ(config.duration("caching.l2.ttl"), std::chrono::hours(24));
        EXPECT_EQ(config.duration("replication.max_replication_delay"),
                  std::chrono::milliseconds(100));
        ASSERT_EQ(config.records("replication.regions").size(), 3u);
        EXPECT_EQ(config.records("replication.regions")[1],
                  (Record{{"name", "eu-west-1"}, {"endpoint", "http://minio-eu-west:9000"}}));
        EXPECT_EQ(config.list("security.allowed_origins").size(), 2u);
        EXPECT_EQ(config.text("database.password"), with_variables ? kSecret : "");
        EXPECT_EQ(config.at("caching.enabled").where, "config.yaml:23");
    }
}

TEST(UsersFiles, EveryKeyWithoutEffectHasItsNote) {
    for (const char* name :
         {"object_platform.yaml", "object_platform_tuning.yaml", "object_platform_cluster.yaml"}) {
        const auto loaded = load_input(name, kVariables);
        ASSERT_TRUE(loaded) << name << "\n" << loaded.error().message();
        size_t given = 0;
        for (const Key& key : keys()) {
            const Setting& setting = loaded->config.at(key);
            if (!setting.given()) continue;
            ++given;
            const bool noted = has_note(*loaded, Note::Severity::note, setting.where,
                                        std::string(key.name) + " has no effect") ||
                               has_note(*loaded, Note::Severity::warning, setting.where,
                                        std::string(key.name) + " has no effect");
            // Where PostgreSQL is, of a file that does not ask for it.
            const bool idle = key.name.starts_with("database.") &&
                              loaded->config.text("database.type") == "sqlite";
            EXPECT_EQ(noted, !key.planned.empty() || !key.replaced_by.empty() || idle)
                << name << " " << key.name;
        }
        EXPECT_GE(given, 6u) << name;
    }
}

TEST(UsersFiles, SecretsAreNeverShown) {
    const auto loaded = load_input("object_platform.yaml", kVariables);
    ASSERT_TRUE(loaded);
    EXPECT_FALSE(has(print(*loaded, Format::yaml), kSecret));
    EXPECT_FALSE(has(print(*loaded, Format::json), kSecret));
    EXPECT_FALSE(has(check_report(loaded), kSecret));
    EXPECT_TRUE(
        has(print(*loaded, Format::yaml), "  password: \"***\"  # environment DB_PASSWORD\n"));
    // Nor in the message about a value that is refused.
    const auto refused = load_env(std::string("DB_PASSWORD=\"") + kSecret + "\\n\"\n");
    ASSERT_FALSE(refused);
    EXPECT_FALSE(has(check_report(refused), kSecret));
    EXPECT_TRUE(has(check_report(refused), "database.password is \"***\""));
}

TEST(ConfigRender, PrintedYamlLoadsToTheSameSettings) {
    // Without secrets, which are not in it.
    const auto loaded =
        load_input("object_platform.yaml", {{"MINIO_ACCESS_KEY", "a \"quoted\" ${key} $$"}});
    ASSERT_TRUE(loaded);
    std::string printed = print(*loaded, Format::yaml);
    EXPECT_TRUE(has(printed,
                    "server:\n  host: \"0.0.0.0\"  # config.yaml:3\n"
                    "  insecure: false  # default\n  port: 8080  # config.yaml:4\n"
                    "  rest_port: 8000  # default\n"))
        << printed;
    const auto again = load_yaml(printed);
    ASSERT_TRUE(again) << again.error().message();
    for (const Key& key : keys()) {
        EXPECT_EQ(format_value(key, again->config.at(key).value),
                  format_value(key, loaded->config.at(key).value))
            << key.name;
    }
}

TEST(ConfigRender, JsonNamesEveryKeyAndItsOrigin) {
    const auto loaded = load_yaml("server:\n  port: 8181\n");
    ASSERT_TRUE(loaded);
    const std::string printed = print(*loaded, Format::json);
    EXPECT_TRUE(has(printed, R"({"key":"server.port","value":"8181","origin":"yaml",)"
                             R"("where":"config.yaml:2","available":true})"))
        << printed;
    for (const Key& key : keys()) {
        EXPECT_TRUE(has(printed, "\"key\":\"" + std::string(key.name) + "\"")) << key.name;
    }
}

TEST(ConfigRender, CheckReportCountsOrListsProblems) {
    const std::string good = check_report(load_yaml("server:\n  port: 8181\n  grpc_port: 1\n"));
    EXPECT_TRUE(has(good, "note: config.yaml:3: server.grpc_port has no effect")) << good;
    EXPECT_TRUE(has(good, "ok: 2 of ")) << good;
    EXPECT_TRUE(good.ends_with("0 warnings, 1 notes\n")) << good;
    const std::string bad = check_report(load_yaml("server:\n  prot: 8181\n"));
    EXPECT_TRUE(has(bad, "config.yaml:2: unknown key server.prot; did you mean server.port?\n"))
        << bad;
}

// Compares with the file, or writes it where UPDATE_GENERATED is set.
void expect_file(const std::string& name, const std::string& expected) {
    const std::string path = testing::repository() + "/" + name;
    if (std::getenv("UPDATE_GENERATED") != nullptr) {
        std::ofstream(path, std::ios::binary) << expected;
        return;
    }
    const auto file = read_text_file(path);
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_EQ(file->content == expected, true)
        << name << " differs from the table of keys; write it anew with: "
        << "UPDATE_GENERATED=1 server_tests --gtest_filter='GeneratedFiles.*'";
}

TEST(GeneratedFiles, ReferencePageFollowsTheTable) {
    expect_file("docs/reference/configuration.md", reference());
}

TEST(GeneratedFiles, ExamplesFollowTheTable) {
    expect_file("config.env.example", example_env());
    expect_file("config.yaml.example", example_yaml());
}

TEST(GeneratedFiles, ExamplesHoldTheDefaults) {
    const auto yaml = load_yaml(example_yaml());
    ASSERT_TRUE(yaml) << yaml.error().message();
    EXPECT_TRUE(yaml->notes.empty());
    const auto env = load_env(example_env());
    ASSERT_TRUE(env) << env.error().message();
    for (const Note& note : env->notes)
        EXPECT_TRUE(has(note.text, "has no effect; not yet available")) << note.text;
    const Config defaults(kMachine);
    for (const Key& key : keys()) {
        for (const auto* loaded : {&*yaml, &*env}) {
            EXPECT_EQ(format_value(key, loaded->config.at(key).value),
                      format_value(key, defaults.at(key).value))
                << key.name;
        }
    }
}

TEST(GeneratedFiles, EnvExampleHasTheValuesThatUsersKnow) {
    const std::string example = "\n" + example_env();
    for (const char* line : {"TENANT_ID=default_tenant",
                             "TENANT_NAME=Default Tenant",
                             "DATA_PATH=./data",
                             "GRPC_PORT=50051",
                             "REST_PORT=8000",
                             "REST_HOST=127.0.0.1",
                             "MAX_CONCURRENT_SEARCHES=10",
                             "WAL_RETENTION_HOURS=24",
                             "AUTO_SCALING_ENABLED=true",
                             "MIN_WORKERS=2",
                             "MAX_WORKERS=50",
                             "SCALE_UP_THRESHOLD_CPU=70",
                             "SCALE_DOWN_THRESHOLD_CPU=30",
                             "SCALE_UP_THRESHOLD_MEMORY=80",
                             "SCALE_DOWN_THRESHOLD_MEMORY=40",
                             "AUTO_COMPACTION_ENABLED=true",
                             "COMPACTION_INTERVAL_MINUTES=60",
                             "MIN_FILE_SIZE_MB=50",
                             "MAX_FILE_SIZE_MB=512",
                             "TARGET_FILE_SIZE_MB=256",
                             "QUERY_OPTIMIZATION_ENABLED=true",
                             "STATISTICS_REFRESH_INTERVAL_MINUTES=30",
                             "COST_MODEL_LEARNING_ENABLED=true"}) {
        EXPECT_TRUE(has(example, std::string("\n") + line + "\n")) << line;
    }
}

}  // namespace
}  // namespace insula::config
