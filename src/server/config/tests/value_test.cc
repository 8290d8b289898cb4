#include "server/config/value.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "base/units.h"

namespace insula::config {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(ConfigValue, SizesAreReadWithEveryUnit) {
    EXPECT_EQ(*parse_bytes("0"), 0);
    EXPECT_EQ(*parse_bytes("4096"), 4096);
    EXPECT_EQ(*parse_bytes("4096B"), 4096);
    EXPECT_EQ(*parse_bytes("50Gi"), static_cast<int64_t>(50 * kGiB));
    EXPECT_EQ(*parse_bytes("10Ti"), static_cast<int64_t>(10 * 1024 * kGiB));
    EXPECT_EQ(*parse_bytes("1MB"), 1'000'000);
    EXPECT_EQ(*parse_bytes("1m"), 1'000'000);
    EXPECT_EQ(*parse_bytes("64 mib"), static_cast<int64_t>(64 * kMiB));
    EXPECT_EQ(*parse_bytes("1.5GiB"), static_cast<int64_t>(3 * kGiB / 2));
    EXPECT_EQ(*parse_bytes("50.0MiB"), static_cast<int64_t>(50 * kMiB));
    EXPECT_EQ(*parse_bytes("0.1KiB"), 102);  // rounded down
    EXPECT_EQ(*parse_bytes("8191PiB"), int64_t{8191} << 50);
}

TEST(ConfigValue, WrongSizesAreRefused) {
    for (const char* text : {"", "MiB", "-1", "1.MiB", ".5MiB", "1 2", "64MiBs", "1e6", "8192PiB",
                             "99999999999999999999", "0x10", "1,5GiB"}) {
        EXPECT_FALSE(parse_bytes(text)) << text;
    }
}

TEST(ConfigValue, DurationsAreReadWithEveryUnit) {
    EXPECT_EQ(*parse_duration("0"), 0);
    EXPECT_EQ(*parse_duration("100ms"), kSecond / 10);
    EXPECT_EQ(*parse_duration("24h"), 24 * 3600 * kSecond);
    EXPECT_EQ(*parse_duration("7d"), 7 * 24 * 3600 * kSecond);
    EXPECT_EQ(*parse_duration("60m"), 3600 * kSecond);
    EXPECT_EQ(*parse_duration("1h30m"), 5400 * kSecond);
    EXPECT_EQ(*parse_duration("1.5s"), 3 * kSecond / 2);
    EXPECT_EQ(*parse_duration("5us"), 5000);
    EXPECT_EQ(*parse_duration("7 ns"), 7);
}

TEST(ConfigValue, WrongDurationsAreRefused) {
    for (const char* text :
         {"", "30", "s", "-1s", "1x", "1h30", "1H", "106752d", "1h 99999999999999999999s"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_NE(parse_duration("30").error().message().find("needs a unit"), std::string_view::npos);
}

TEST(ConfigValue, SizesAndDurationsComeBackAsTheyWereWritten) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20'000; ++i) {
        // All magnitudes, and often a round number of some unit.
        int64_t value = static_cast<int64_t>(random() >> (1 + random() % 63));
        if (i % 3 == 1) value = value >> 20 << 20;
        if (i % 3 == 2) value = value / 3'600'000'000'000 * 3'600'000'000'000;
        ASSERT_EQ(*parse_bytes(format_bytes(value)), value) << format_bytes(value);
        ASSERT_EQ(*parse_duration(format_duration(value)), value) << format_duration(value);
    }
    EXPECT_EQ(*parse_bytes(format_bytes(std::numeric_limits<int64_t>::max())),
              std::numeric_limits<int64_t>::max());
}

TEST(ConfigValue, RandomTextNeverBreaksTheReaders) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    constexpr std::string_view kAlphabet = "0123456789.-+ kKmMgGiIbBsSdhun%,e\t\"\xff";
    for (int i = 0; i < 50'000; ++i) {
        std::string text;
        for (size_t n = random() % 24; n > 0; --n)
            text.push_back(kAlphabet[random() % kAlphabet.size()]);
        if (const auto bytes = parse_bytes(text)) ASSERT_GE(*bytes, 0) << text;
        if (const auto duration = parse_duration(text)) ASSERT_GE(*duration, 0) << text;
        for (const Key& key : keys()) {
            const auto value = parse_value(key, text);
            if (!value) continue;
            const auto again = parse_value(key, format_value(key, *value));
            ASSERT_TRUE(again) << key.name << " " << text << " " << format_value(key, *value);
        }
        if (i > 2000) i += 20;  // the loop over keys is what takes time
    }
}

TEST(ConfigValue, FormatsReadWell) {
    EXPECT_EQ(format_bytes(0), "0B");
    EXPECT_EQ(format_bytes(64 * kMiB), "64MiB");
    EXPECT_EQ(format_bytes(1'000'000), "1MB");
    EXPECT_EQ(format_bytes(1'000'001), "1000001B");
    EXPECT_EQ(format_duration(0), "0s");
    EXPECT_EQ(format_duration(24 * 3600 * kSecond), "24h");
    EXPECT_EQ(format_duration(7 * 24 * 3600 * kSecond), "7d");
    EXPECT_EQ(format_duration(90 * kSecond), "90s");
}

TEST(ConfigValue, BooleansSharesAndChoicesHaveTheirWords) {
    const Key boolean{.name = "a.b", .kind = Kind::boolean};
    for (const char* text : {"true", "on", "YES", "1"})
        EXPECT_TRUE(std::get<bool>(*parse_value(boolean, text)));
    for (const char* text : {"false", "Off", "no", "0"})
        EXPECT_FALSE(std::get<bool>(*parse_value(boolean, text)));
    EXPECT_FALSE(parse_value(boolean, "maybe"));

    const Key ratio{.name = "a.b", .kind = Kind::ratio, .minimum = "0%", .maximum = "100%"};
    EXPECT_DOUBLE_EQ(std::get<double>(*parse_value(ratio, "70%")), 0.7);
    EXPECT_DOUBLE_EQ(std::get<double>(*parse_value(ratio, "0.7")), 0.7);
    EXPECT_EQ(format_value(ratio, *parse_value(ratio, "29%")), "29%");
    EXPECT_FALSE(parse_value(ratio, "70"));
    EXPECT_FALSE(parse_value(ratio, "nan"));

    const Key choice{.name = "a.b", .kind = Kind::choice, .choices = "lru arc"};
    EXPECT_EQ(std::get<std::string>(*parse_value(choice, "LRU")), "lru");
    EXPECT_FALSE(parse_value(choice, ""));

    const Key list{.name = "a.b", .kind = Kind::list};
    EXPECT_EQ(std::get<4>(*parse_value(list, "a, b c ,d")),
              (std::vector<std::string>{"a", "b c", "d"}));
    EXPECT_TRUE(std::get<4>(*parse_value(list, "")).empty());
    EXPECT_FALSE(parse_value(list, "a,,b"));
}

TEST(ConfigValue, ErrorsSayWhatIsAllowedAndGiveAnExample) {
    const auto message = [](std::string_view name, std::string_view text) {
        const Result<Value> value = parse_value(*find_key(name), text);
        return value ? std::string("accepted") : std::string(value.error().message());
    };
    EXPECT_EQ(
        message("server.rest_port", "80x"),
        "server.rest_port is \"80x\", it is no whole number: it takes a whole number from 0 to "
        "65535, such as 8000");
    EXPECT_EQ(
        message("server.rest_port", "65536"),
        "server.rest_port is \"65536\", which is out of bounds: it takes a whole number from 0 to "
        "65535, such as 8000");
    EXPECT_EQ(
        message("server.body_bytes_max", "8XB"),
        "server.body_bytes_max is \"8XB\", \"XB\" is no unit of size: it takes a size from 1KiB to "
        "4GiB, such as 256MiB");
    EXPECT_EQ(
        message("server.request_timeout", "30"),
        "server.request_timeout is \"30\", a duration needs a unit: it takes a duration from 100ms "
        "to 24h, such as 60s");
    EXPECT_EQ(message("server.dev", "maybe"),
              "server.dev is \"maybe\", it is neither true nor false: it takes true or false");
    EXPECT_EQ(message("caching.l1.eviction_policy", "fifo"),
              "caching.l1.eviction_policy is \"fifo\": it takes one of lru, arc");
    EXPECT_EQ(
        message("scaling.scale_up_cpu", "70"),
        "scaling.scale_up_cpu is \"70\", which is out of bounds: it takes a share from 0% to 100%, "
        "such as 70%");
    EXPECT_EQ(message("server.data_dir", ""),
              "server.data_dir is \"\": it takes a path, such as ./data");
    EXPECT_EQ(
        message("engine.threads", "many"),
        "engine.threads is \"many\", it is no whole number: it takes a whole number from 1 to 256, "
        "or auto, such as 4");
    EXPECT_NE(message("tenant.name", "a\nb").find("\"a\\x0ab\", it holds bytes that are no text"),
              std::string::npos);
    EXPECT_NE(message("tenant.name", "a\xff").find("no text"), std::string::npos);
    EXPECT_NE(message("tenant.name", std::string(5000, 'a')).find("too long"), std::string::npos);
}

TEST(ConfigValue, DangerousValuesAreRefusedWithTheReason) {
    const auto message = [](std::string_view name, std::string_view text) {
        const Result<Value> value = parse_value(*find_key(name), text);
        return value ? std::string("accepted") : std::string(value.error().message());
    };
    EXPECT_NE(message("minio.root_user", "minioadmin").find("published default credential"),
              std::string::npos);
    EXPECT_NE(message("minio.access_key", "minioadmin").find("published default credential"),
              std::string::npos);
    EXPECT_NE(message("minio.secret_key", "minioadmin").find("published default credential"),
              std::string::npos);
    const std::string password = message("minio.root_password", "minioadmin123");
    EXPECT_NE(password.find("published default credential"), std::string::npos);
    EXPECT_EQ(password.find("minioadmin123"), std::string::npos) << "a secret was shown";
    EXPECT_NE(message("backup.checksum", "md5").find("use sha256"), std::string::npos);
    EXPECT_NE(message("monitoring.log_level", "loud").find("trace, debug, info"),
              std::string::npos);
    EXPECT_NE(message("server.allowed_data_roots", "data").find("from / on"), std::string::npos);
    EXPECT_NE(message("server.allowed_data_roots", "/").find("allow everything"),
              std::string::npos);
    EXPECT_NE(message("server.allowed_data_roots", "/data/../etc").find("without .."),
              std::string::npos);
    EXPECT_NE(message("server.host", "127.0.0.1/8").find("without port"), std::string::npos);
    EXPECT_NE(message("tenant.id", "Acme Corp").find("acme-corp"), std::string::npos);
    EXPECT_EQ(message("tenant.id", "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b"), "accepted");
    EXPECT_EQ(message("tenant.id", "prod_tenant_001"), "accepted");
}

}  // namespace
}  // namespace insula::config
