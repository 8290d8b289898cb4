// Invariants of the table of keys.
#include "server/config/key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "server/config/config.h"
#include "server/config/value.h"

namespace insula::config {
namespace {

TEST(KeyTable, NamesAreUniqueAcrossKeysAndAliases) {
    std::set<std::string> yaml;
    std::set<std::string> environment;
    for (const Key& key : keys()) {
        EXPECT_TRUE(yaml.emplace(key.name).second) << key.name;
        EXPECT_TRUE(environment.insert(environment_name(key)).second) << key.name;
        for (const std::string_view alias : words(key.yaml_aliases)) {
            EXPECT_TRUE(yaml.emplace(alias).second) << alias;
        }
        for (const std::string_view alias : words(key.aliases)) {
            EXPECT_TRUE(environment.emplace(alias.substr(0, alias.find(':'))).second) << alias;
        }
    }
    EXPECT_GT(keys().size(), 100u);
    EXPECT_LE(keys().size(), 180u);
}

TEST(KeyTable, NoKeyIsASectionToo) {
    for (const Key& key : keys()) {
        EXPECT_FALSE(is_section(key.name)) << key.name;
        for (const std::string_view alias : words(key.yaml_aliases)) {
            EXPECT_FALSE(is_section(alias)) << alias;
        }
    }
}

TEST(KeyTable, NamesAreSectionsAndSmallWords) {
    for (const Key& key : keys()) {
        EXPECT_NE(key.name.find('.'), std::string_view::npos) << key.name;
        EXPECT_EQ(key.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_."),
                  std::string_view::npos)
            << key.name;
    }
}

TEST(KeyTable, SectionsStandTogether) {
    std::set<std::string_view> closed;
    std::string_view open;
    for (const Key& key : keys()) {
        const std::string_view section = key.name.substr(0, key.name.find('.'));
        if (section == open) continue;
        EXPECT_TRUE(closed.insert(section).second) << key.name << " stands apart from its section";
        open = section;
    }
}

TEST(KeyTable, DefaultsAndBoundsAreValid) {
    for (const Key& key : keys()) {
        if (key.automatic != nullptr) {
            EXPECT_EQ(key.initial, "auto") << key.name;
            EXPECT_FALSE(key.automatic_rule.empty()) << key.name;
        } else if (key.kind != Kind::records) {
            const Result<Value> initial = parse_value(key, key.initial);
            ASSERT_TRUE(initial) << initial.error().message();
            EXPECT_TRUE(key.caution == nullptr || key.caution(*initial).empty()) << key.name;
        }
        for (const std::string_view bound : {key.minimum, key.maximum}) {
            if (bound.empty()) continue;
            EXPECT_TRUE(parse_value(key, bound)) << key.name << " " << bound;
        }
        const bool numeric = key.kind == Kind::integer || key.kind == Kind::bytes ||
                             key.kind == Kind::duration || key.kind == Kind::ratio;
        EXPECT_EQ(numeric, !key.minimum.empty() && !key.maximum.empty())
            << key.name << ": numbers, and only they, have bounds";
        const bool closed = key.kind == Kind::choice || key.kind == Kind::records;
        EXPECT_EQ(closed, !key.choices.empty()) << key.name;
    }
}

TEST(KeyTable, AutomaticValuesAreWithinBoundsOnEveryMachine) {
    for (const size_t cores : {size_t{1}, size_t{2}, size_t{64}, size_t{1024}}) {
        for (uint64_t memory = 64 * kMiB; memory <= uint64_t{16} << 40; memory *= 2) {
            const Machine machine{.cores = cores, .memory_bytes = memory};
            for (const Key& key : keys()) {
                if (key.automatic == nullptr) continue;
                const Value value(static_cast<int64_t>(key.automatic(machine)));
                EXPECT_TRUE(parse_value(key, format_value(key, value)))
                    << key.name << " " << format_value(key, value);
            }
            EXPECT_TRUE(load({.machine = machine})) << cores << " cores, " << memory << " bytes";
        }
    }
}

TEST(KeyTable, EveryKeySaysWhatItIs) {
    for (const Key& key : keys()) {
        EXPECT_FALSE(key.description.empty()) << key.name;
        EXPECT_TRUE(key.description.ends_with('.') || key.description.ends_with(".)")) << key.name;
        EXPECT_EQ(key.description.find('\n'), std::string_view::npos) << key.name;
        EXPECT_TRUE(key.replaced_by.empty() || find_key(key.replaced_by) != nullptr) << key.name;
        EXPECT_TRUE(key.replaced_by.empty() || !key.remark.empty()) << key.name;
    }
}

TEST(KeyTable, WhatHoldsPasswordsIsSecret) {
    for (const Key& key : keys()) {
        const bool sounds_secret = key.name.ends_with("password") ||
                                   key.name.ends_with("secret_key") ||
                                   key.name.ends_with("root_key") || key.name.ends_with("token") ||
                                   key.name == "catalog.url";
        EXPECT_EQ(key.secret, sounds_secret) << key.name;
    }
}

TEST(KeyTable, KnowsTheNamesThatUsersHave) {
    const std::map<std::string, std::string> expected{
        {"DATA_PATH", "server.data_dir"},
        {"TENANT_ID", "tenant.id"},
        {"TENANT_NAME", "tenant.name"},
        {"REST_HOST", "server.host"},
        {"REST_PORT", "server.rest_port"},
        {"GRPC_PORT", "server.grpc_port"},
        {"MAX_CONCURRENT_SEARCHES", "tables.max_concurrent_searches"},
        {"WAL_RETENTION_HOURS", "journal.retention"},
        {"AUTO_SCALING_ENABLED", "scaling.enabled"},
        {"MIN_WORKERS", "scaling.min_workers"},
        {"MAX_WORKERS", "scaling.max_workers"},
        {"SCALE_UP_THRESHOLD_CPU", "scaling.scale_up_cpu"},
        {"SCALE_DOWN_THRESHOLD_CPU", "scaling.scale_down_cpu"},
        {"SCALE_UP_THRESHOLD_MEMORY", "scaling.scale_up_memory"},
        {"SCALE_DOWN_THRESHOLD_MEMORY", "scaling.scale_down_memory"},
        {"AUTO_COMPACTION_ENABLED", "compaction.enabled"},
        {"COMPACTION_INTERVAL_MINUTES", "compaction.interval"},
        {"MIN_FILE_SIZE_MB", "compaction.min_file_bytes"},
        {"MAX_FILE_SIZE_MB", "compaction.max_file_bytes"},
        {"TARGET_FILE_SIZE_MB", "compaction.target_file_bytes"},
        {"QUERY_OPTIMIZATION_ENABLED", "optimizer.enabled"},
        {"STATISTICS_REFRESH_INTERVAL_MINUTES", "optimizer.statistics_refresh_interval"},
        {"COST_MODEL_LEARNING_ENABLED", "optimizer.cost_model_learning"},
        {"DB_HOST", "database.host"},
        {"DB_PORT", "database.port"},
        {"DB_NAME", "database.name"},
        {"DB_USER", "database.user"},
        {"DB_PASSWORD", "database.password"},
        {"MINIO_ENDPOINT", "minio.endpoint"},
        {"MINIO_ROOT_USER", "minio.root_user"},
        {"MINIO_ROOT_PASSWORD", "minio.root_password"},
        {"MINIO_ACCESS_KEY", "minio.access_key"},
        {"MINIO_SECRET_KEY", "minio.secret_key"},
        {"MINIO_SERVER_TLS_ENABLE", "server.tls.enabled"},
        {"MINIO_SERVER_TLS_PUBLIC_CRT", "server.tls.cert_file"},
        {"MINIO_SERVER_TLS_PRIVATE_KEY", "server.tls.key_file"},
        {"MINIO_KMS_KES_ENDPOINT", "encryption.kes.endpoint"},
        {"MINIO_KMS_KES_KEY_FILE", "encryption.kes.key_file"},
        {"MINIO_KMS_KES_CERT_FILE", "encryption.kes.cert_file"},
        {"MINIO_KMS_KES_KEY_NAME", "encryption.kes.key_name"},
        {"KMS_KEY_ID", "encryption.kms.key_id"},
        {"PROMETHEUS_URL", "monitoring.prometheus_url"},
        {"INSULA_SERVER_TLS_CERT_FILE", "server.tls.cert_file"},
    };
    for (const auto& [name, key] : expected) {
        const auto found = find_environment_name(name);
        ASSERT_TRUE(found) << name;
        EXPECT_EQ(found->key->name, key) << name;
    }
}

TEST(KeyTable, NearestNameIsTheOneThatWasMeant) {
    EXPECT_EQ(nearest_yaml_name("server.rest_prot"), "server.rest_port");
    EXPECT_EQ(nearest_yaml_name("servr"), "server");
    EXPECT_EQ(nearest_yaml_name("server.tsl"), "server.tls");
    EXPECT_EQ(nearest_yaml_name("server.log_level"), "monitoring.log_level");
    EXPECT_EQ(nearest_yaml_name("caching.l1.max_sizes"), "caching.l1.max_size");
    EXPECT_EQ(nearest_yaml_name("entirely_different_thing"), "");
    EXPECT_EQ(nearest_environment_name("INSULA_SERVER_RESTPORT"), "INSULA_SERVER_REST_PORT");
    EXPECT_EQ(nearest_environment_name("REST_PROT"), "REST_PORT");
    EXPECT_EQ(nearest_environment_name("PATH_TO_NOWHERE_AT_ALL"), "");
}

}  // namespace
}  // namespace insula::config
