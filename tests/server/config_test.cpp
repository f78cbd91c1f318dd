// SPDX-License-Identifier: Apache-2.0
#include "server/config/config.h"

#include <sys/stat.h>

#include "control_fixture.h"
#include "server/config/option.h"

namespace tarn::server {
namespace {

Result<ServerConfig> parse(const std::vector<std::string>& arguments) { return parse_config(arguments); }

TEST(Config, HasTheDocumentedDefaults) {
  const auto config = parse({});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->action, ServerConfig::Action::run);
  EXPECT_EQ(config->data_dir, "./tarn-data");
  EXPECT_EQ(config->listen.host, "127.0.0.1");
  EXPECT_EQ(config->listen.port, 8080);
  EXPECT_EQ(config->control_listen.port, 8081);
  EXPECT_EQ(config->control_token_file, "./tarn-data/control-token");
  EXPECT_EQ(config->key_file, "./tarn-data/secrets.key");
  EXPECT_EQ(config->ingest_base_url, "");
  EXPECT_FALSE(config->require_access_control);
  EXPECT_GE(config->threads, 1U);
  EXPECT_EQ(config->log_format, LogFormat::text);
  EXPECT_EQ(config->log_level, LogLevel::info);
}

TEST(Config, ReadsTheCommandLine) {
  const auto config = parse({"--data-dir",
                             "/d",
                             "--listen=[::]:80",
                             "--control-listen",
                             "0.0.0.0:0",
                             "--control-token-file",
                             "/t",
                             "--key-file",
                             "/k",
                             "--ingest-base-url",
                             "https://{label}.in.example.com/",
                             "--origin-base-url",
                             "http://127.0.0.1:8080",
                             "--resources",
                             "/r.json",
                             "--trusted-proxies",
                             "10.0.0.0/8,::1",
                             "--require-access-control",
                             "--threads",
                             "3",
                             "--log-format",
                             "json",
                             "--log-level",
                             "debug",
                             "--key-provider",
                             "off"});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->data_dir, "/d");
  EXPECT_EQ(config->listen.host, "::");
  EXPECT_EQ(config->listen.port, 80);
  EXPECT_EQ(config->control_listen.host, "0.0.0.0");
  EXPECT_EQ(config->control_listen.port, 0);
  EXPECT_EQ(config->control_token_file, "/t");
  EXPECT_EQ(config->key_file, "/k");
  EXPECT_EQ(config->ingest_base_url, "https://{label}.in.example.com");
  EXPECT_EQ(config->resources, "/r.json");
  EXPECT_EQ(config->trusted_proxies.size(), 2U);
  EXPECT_TRUE(config->require_access_control);
  EXPECT_EQ(config->threads, 3U);
  EXPECT_EQ(config->log_format, LogFormat::json);
  EXPECT_EQ(config->log_level, LogLevel::debug);
}

TEST(Config, RefusesWhatItDoesNotUnderstand) {
  struct Row {
    std::vector<std::string> arguments;
    const char* message;  // a part of it
  };
  const Row rows[] = {
      {{"--no-such"}, "unknown option '--no-such'"},
      {{"data"}, "unknown option 'data'"},
      {{"-h"}, "unknown option '-h'"},
      {{"--data-dir"}, "--data-dir needs a value"},
      {{"--data-dir="}, "--data-dir '' must be a path"},
      {{"--listen", "8080"}, "--listen '8080' must be an IP address and a port"},
      {{"--listen", "localhost:8080"}, "must be an IP address and a port"},
      {{"--listen", "::1:8080"}, "must be an IP address and a port"},
      {{"--listen", "[127.0.0.1]:8080"}, "must be an IP address and a port"},
      {{"--listen", "127.0.0.1:65536"}, "must be an IP address and a port"},
      {{"--listen", "127.0.0.1:"}, "must be an IP address and a port"},
      {{"--threads", "0"}, "from 1 to 256"},
      {{"--threads", "many"}, "from 1 to 256"},
      {{"--log-level", "loud"}, "error, warning, info or debug"},
      {{"--log-format", "xml"}, "text or json"},
      {{"--trusted-proxies", "10.0.0.1/8"}, "has host bits set"},
      {{"--require-access-control=false"}, "takes no value"},
      {{"--ingest-base-url", "ftp://x"}, "http or https"},
      {{"--ingest-base-url", "http://"}, "http or https"},
      {{"--ingest-base-url", "http://u@x"}, "http or https"},
      {{"--ingest-base-url", "http://x/{label}"}, "http or https"},
      {{"--ingest-base-url", "http://x/?q"}, "http or https"},
      {{"--key-provider", "x"}, "must be builtin or off"},
      {{"--outbound-allow", "10.0.0.1/8"},
       "--outbound-allow '10.0.0.1/8' must be IP addresses and CIDR blocks, separated by commas: "
       "'10.0.0.1/8'"},
      {{"--archive-quota", "1"}, "must be a whole number from 1000000"},
      {{"--tls-cert", "x"}, "--tls-cert and --tls-key need each other"},
      {{"--tls-key", "x"}, "--tls-cert and --tls-key need each other"},
      {{"--collection-rate", "10"}, "must be a whole number from 100000"},
      {{"--collection-timeout", "4"}, "must be a whole number from 5 to 600"},
      {{"--collection-patience", "9"}, "must be a whole number from 10 to 2592000"},
      {{"--collection-timeout", "601"}, "must be a whole number from 5 to 600"},
      {{"--config", "/nowhere/at/all.json"}, "'/nowhere/at/all.json' cannot be read"},
  };
  for (const Row& row : rows) {
    const auto config = parse(row.arguments);
    ASSERT_FALSE(config.ok()) << row.message;
    EXPECT_NE(config.error().message.find(row.message), std::string::npos) << config.error().message;
  }
}

TEST(Config, LimitsAreOptionsWithTheDefaultsThatHelpSays) {
  const auto standard = parse({});
  ASSERT_TRUE(standard.ok());
  const front::Limits& limits = standard->limits;
  const std::vector<std::pair<std::string, std::int64_t>> defaults{
      {"limit-head-bytes", static_cast<std::int64_t>(limits.message.head)},
      {"limit-head-time", limits.head_time / std::chrono::seconds{1}},
      {"limit-idle-time", limits.idle_time / std::chrono::seconds{1}},
      {"limit-ingest-idle-time", limits.ingest_idle_time / std::chrono::seconds{1}},
      {"limit-body-rate", static_cast<std::int64_t>(limits.body_rate)},
      {"limit-body-time", limits.body_time / std::chrono::seconds{1}},
      {"limit-send-rate", static_cast<std::int64_t>(limits.send_rate)},
      {"limit-requests", static_cast<std::int64_t>(limits.requests)},
      {"limit-connections-per-address", static_cast<std::int64_t>(limits.per_address)},
      {"limit-bodies-memory", static_cast<std::int64_t>(limits.bodies)},
      {"limit-manifest-length", standard->longest_window / std::chrono::seconds{1}},
  };
  const std::string help = help_text();
  for (const auto& [name, value] : defaults) {
    const auto at = help.find("--" + name);
    ASSERT_NE(at, std::string::npos) << name;
    const std::string line = help.substr(at, help.find('\n', at) - at);
    EXPECT_TRUE(line.ends_with("default " + std::to_string(value))) << line;
    EXPECT_TRUE(parse({"--" + name, "2000"}).ok()) << name;
    for (const char* wrong : {"", "-1", "1.5", "many", "99999999999999999999"}) {
      EXPECT_FALSE(parse({"--" + name, wrong}).ok()) << name << " " << wrong;
    }
  }
  EXPECT_EQ(parse({"--limit-head-time=7"})->limits.head_time, std::chrono::seconds{7});
  EXPECT_EQ(parse({"--limit-connections-per-address", "0"})->limits.per_address, 0U);
  EXPECT_FALSE(parse({"--limit-head-time", "0"}).ok());
  EXPECT_FALSE(parse({"--limit-requests", "0"}).ok());
}

// What docs/configuration.md says of each option is read from its row.
TEST(Config, EveryRowSaysWhatItTakesAndWhatItIsWhenNobodySays) {
  std::vector<std::string> arguments;
  for (const Option& option : options()) {
    EXPECT_FALSE(option.help.empty()) << option.name;
    const std::string takes = allowed(option);
    EXPECT_FALSE(takes.empty()) << option.name;
    EXPECT_EQ(takes.find(": "), std::string::npos) << takes;
    if (option.preset.empty() || option.preset.starts_with('<')) continue;
    arguments.push_back("--" + std::string(option.name));
    arguments.emplace_back(option.preset);
  }
  const auto said = parse(arguments);
  const auto unsaid = parse({});
  ASSERT_TRUE(said.ok()) << said.error().message;
  ASSERT_TRUE(unsaid.ok());
  EXPECT_EQ(said->data_dir, unsaid->data_dir);
  EXPECT_EQ(said->listen.host, unsaid->listen.host);
  EXPECT_EQ(said->listen.port, unsaid->listen.port);
  EXPECT_EQ(said->control_listen.host, unsaid->control_listen.host);
  EXPECT_EQ(said->control_listen.port, unsaid->control_listen.port);
  EXPECT_EQ(said->collection_rate, unsaid->collection_rate);
  EXPECT_EQ(said->collection_timeout, unsaid->collection_timeout);
  EXPECT_EQ(said->collection_patience, unsaid->collection_patience);
  EXPECT_EQ(said->log_format, unsaid->log_format);
  EXPECT_EQ(said->log_level, unsaid->log_level);
  EXPECT_EQ(said->builtin_key_provider, unsaid->builtin_key_provider);
  const auto row = [](std::string_view name) {
    return *std::find_if(options().begin(), options().end(),
                         [name](const Option& option) { return option.name == name; });
  };
  EXPECT_EQ(unsaid->control_token_file, unsaid->data_dir + "/control-token");
  EXPECT_EQ(row("control-token-file").preset, "<data-dir>/control-token");
  EXPECT_EQ(unsaid->key_file, unsaid->data_dir + "/secrets.key");
  EXPECT_EQ(row("key-file").preset, "<data-dir>/secrets.key");
  EXPECT_EQ(unsaid->collection_root, unsaid->data_dir + "/collections");
  EXPECT_EQ(row("collection-root").preset, "<data-dir>/collections");
  EXPECT_EQ(allowed(row("threads")), "a whole number from 1 to 256");
  EXPECT_EQ(allowed(row("trusted-proxies")), "IP addresses and CIDR blocks, separated by commas");
}

TEST(Config, TheFileHasTheSameKeysAndTheCommandLineWins) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("tarn.json");
  write_file(file, R"({"data-dir":"/file","threads":7,"listen":"127.0.0.1:1","require-access-control":true,
                       "trusted-proxies":["10.0.0.0/8","::1"],"log-level":"error"})");
  const auto config = parse({"--threads", "2", "--config", file});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->data_dir, "/file");
  EXPECT_EQ(config->key_file, "/file/secrets.key");
  EXPECT_EQ(config->threads, 2U);
  EXPECT_EQ(config->listen.port, 1);
  EXPECT_TRUE(config->require_access_control);
  EXPECT_EQ(config->trusted_proxies.size(), 2U);
  EXPECT_EQ(config->log_level, LogLevel::error);
  struct Row {
    const char* content;
    const char* message;
  };
  for (const Row& row :
       {Row{"[]", "must hold a JSON object"}, Row{R"({"thread":1})", "thread is not an option"},
        Row{R"({"threads":1,"threads":2})", "appears twice"}, Row{R"({"threads":0})", "threads '0' must"},
        Row{R"({"threads":{}})", "must be a text"},
        Row{R"({"require-access-control":"yes"})", "true or false"},
        Row{R"({"config":"x"})", "config is not an option"}, Row{"{", "tarn.json"}}) {
    write_file(file, row.content);
    const auto refused = parse({"--config", file});
    ASSERT_FALSE(refused.ok()) << row.content;
    EXPECT_NE(refused.error().message.find(row.message), std::string::npos) << refused.error().message;
  }
}

TEST(Config, HelpAndVersionAreActions) {
  EXPECT_EQ(parse({"--help"})->action, ServerConfig::Action::show_help);
  EXPECT_EQ(parse({"--version"})->action, ServerConfig::Action::show_version);
  for (const Option& option : options()) {
    EXPECT_NE(help_text().find("--" + std::string(option.name)), std::string::npos);
  }
}

TEST(Config, DefaultBaseUrlsCanBeReached) {
  EXPECT_EQ(default_base_url({"127.0.0.1", 8080}), "http://127.0.0.1:8080");
  EXPECT_EQ(default_base_url({"0.0.0.0", 80}), "http://127.0.0.1:80");
  EXPECT_EQ(default_base_url({"::", 80}), "http://[::1]:80");
  EXPECT_EQ(default_base_url({"2001:db8::1", 80}), "http://[2001:db8::1]:80");
}

TEST(ControlToken, IsMadeOnceAndReadAfterwards) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("new/control-token");
  const auto made = load_control_token(path);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(made->size(), 64U);
  EXPECT_EQ(*load_control_token(path), *made);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  write_file(path, "an-operators-own-token\r\n");
  EXPECT_EQ(*load_control_token(path), "an-operators-own-token");
  for (const char* bad : {"", "short", "two words in one token", "a token\non two lines here"}) {
    write_file(path, bad);
    EXPECT_FALSE(load_control_token(path).ok()) << bad;
  }
  write_file(path, "an-operators-own-token");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_NE(load_control_token(path).error().message.find("open to everybody"), std::string::npos);
}

}  // namespace
}  // namespace tarn::server
