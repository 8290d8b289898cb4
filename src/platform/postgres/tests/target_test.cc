#include "platform/postgres/target.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace insula::postgres {
namespace {

std::string setting(const Target& target, size_t host, std::string_view key) {
    for (const auto& [name, value] : target.hosts().at(host)) {
        if (name == key) return value;
    }
    return "(none)";
}

TEST(PostgresTarget, TakesEveryParameterOfTheUrl) {
    const auto target = Target::parse(
        "postgresql://us%40er:p%3Aw@db.example:5433/insula?sslmode=verify-full&sslrootcert=/ca.pem"
        "&application_name=x");
    ASSERT_TRUE(target) << target.error().describe();
    ASSERT_EQ(target->hosts().size(), 1u);
    EXPECT_EQ(setting(*target, 0, "host"), "db.example");
    EXPECT_EQ(setting(*target, 0, "port"), "5433");
    EXPECT_EQ(setting(*target, 0, "dbname"), "insula");
    EXPECT_EQ(setting(*target, 0, "user"), "us@er");
    EXPECT_EQ(setting(*target, 0, "password"), "p:w");
    EXPECT_EQ(setting(*target, 0, "sslmode"), "verify-full");
    EXPECT_EQ(setting(*target, 0, "sslrootcert"), "/ca.pem");
    EXPECT_EQ(target->name(), "db.example:5433, database insula");
}

TEST(PostgresTarget, SeveralHostsAreTakenApart) {
    const auto target = Target::parse("postgresql://a:1,b:2,c/insula?password=x");
    ASSERT_TRUE(target);
    ASSERT_EQ(target->hosts().size(), 3u);
    EXPECT_EQ(setting(*target, 1, "host"), "b");
    EXPECT_EQ(setting(*target, 1, "port"), "2");
    EXPECT_EQ(setting(*target, 2, "host"), "c");
    EXPECT_EQ(setting(*target, 2, "port"), "(none)");
    EXPECT_EQ(setting(*target, 2, "password"), "x");
    EXPECT_EQ(target->name(), "a:1, b:2, c, database insula");
    EXPECT_EQ(Target::parse("postgresql:///d?host=a,b&port=7")->name(), "a:7, b:7, database d");
    EXPECT_FALSE(Target::parse("postgresql:///d?host=a,b,c&port=7,8"));
    EXPECT_FALSE(Target::parse("postgresql://a:1,b:70000/d"));
    EXPECT_FALSE(Target::parse("postgresql://a:0/d"));
    EXPECT_FALSE(Target::parse("postgresql:///d?host=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"));
}

TEST(PostgresTarget, ASecretIsInNoErrorAndNoName) {
    for (const std::string url :
         {"postgresql://u:secret@h:port/d", "postgresql://u:secret@h/d?no_such=1",
          "postgresql://u:secret%zz@h/d", "postgres://u:secret@[::1/d", "http://u:secret@h/d",
          "host=h password=secret", "secret"}) {
        const auto target = Target::parse(url);
        if (target) {
            EXPECT_EQ(target->name().find("secret"), std::string::npos) << url;
            continue;
        }
        EXPECT_EQ(target.error().reason(), "invalid_connection_url");
        EXPECT_EQ(target.error().describe().find("secret"), std::string::npos) << url;
        EXPECT_EQ(target.error().hint().find("secret"), std::string::npos) << url;
    }
    const std::string long_url = "postgresql://h/" + std::string(kUrlBytesMax, 'd');
    EXPECT_FALSE(Target::parse(long_url));
}

TEST(PostgresTarget, SecretsAreTakenOutOfWhatOthersSay) {
    const auto target = Target::parse("postgresql://u:se%20cret@h/d?sslpassword=other");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->redact("a se cret, se cret and the other"), "a ***, *** and the ***");
    EXPECT_EQ(Target::parse("postgresql://u@h/d")->redact("nothing"), "nothing");
}

}  // namespace
}  // namespace insula::postgres
