// SPDX-License-Identifier: Apache-2.0
#include "server/config/config.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "core/base/text.h"
#include "server/config/option.h"
#include "server/model/json.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

struct Setting {
  const Option* option;
  std::string value;
  std::string where;  // "--listen" or "tarn.json: listen"
};

const Option* find_option(std::string_view name) {
  for (const Option& option : options()) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Error wrong(std::string message) { return {ErrorCode::invalid, std::move(message)}; }

Status apply_settings(ServerConfig& config, const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    const Status applied = setting.option->apply(config, setting.value);
    if (applied) continue;
    const std::string value = setting.option->argument.empty() ? "" : " '" + setting.value + "'";
    return Error{applied.error().code, setting.where + value + " " + applied.error().message};
  }
  return {};
}

// Texts, numbers and booleans; lists of texts where the command line has commas.
std::optional<std::string> value_text(JsonNode* node) {
  if (JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray* const array = json_node_get_array(node);
    std::string joined;
    for (unsigned i = 0; i < json_array_get_length(array); ++i) {
      JsonNode* const element = json_array_get_element(array, i);
      if (json_node_get_value_type(element) != G_TYPE_STRING) return std::nullopt;
      joined += (i > 0 ? "," : "") + std::string(json_node_get_string(element));
    }
    return joined;
  }
  if (!JSON_NODE_HOLDS_VALUE(node)) return std::nullopt;
  if (json_node_get_value_type(node) == G_TYPE_STRING) return json_node_get_string(node);
  return print_json(node);
}

Result<std::vector<Setting>> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return Error{ErrorCode::io, "--config '" + path + "' cannot be read"};
  const auto root = parse_json(text.str());
  if (!root) return wrong(path + ": " + root.error().message);
  if (!JSON_NODE_HOLDS_OBJECT(root->get())) return wrong(path + ": must hold a JSON object");
  std::vector<Setting> settings;
  JsonObjectIter iterator;
  json_object_iter_init_ordered(&iterator, json_node_get_object(root->get()));
  const char* name = nullptr;
  JsonNode* member = nullptr;
  while (json_object_iter_next_ordered(&iterator, &name, &member) != 0) {
    const std::string where = path + ": " + name;
    const Option* const option = find_option(name);
    const auto value = value_text(member);
    if (option == nullptr) return wrong(where + " is not an option");
    if (!value) return wrong(where + " must be a text, a number, true or false");
    settings.push_back({option, *value, where});
  }
  return settings;
}

struct CommandLine {
  ServerConfig::Action action = ServerConfig::Action::run;
  std::string file;  // of --config
  std::vector<Setting> settings;
};

// One argument, with the next one where it needs it. `at` is on the last one used afterwards.
Status read_argument(std::span<const std::string> arguments, std::size_t& at, CommandLine& line) {
  const std::string& argument = arguments[at];
  const auto equals = argument.find('=');
  const std::string name = argument.substr(0, equals);
  const Option* const option = name.starts_with("--") ? find_option(name.substr(2)) : nullptr;
  const bool is_file = name == "--config";
  if (option == nullptr && !is_file) return wrong("unknown option '" + name + "'; --help lists them");
  if (!is_file && option->argument.empty()) {
    if (equals != std::string::npos) return wrong(name + " takes no value");
    line.settings.push_back({option, "true", name});
    return {};
  }
  if (equals == std::string::npos && at + 1 == arguments.size()) return wrong(name + " needs a value");
  const std::string value = equals != std::string::npos ? argument.substr(equals + 1) : arguments[++at];
  if (is_file) {
    line.file = value;
  } else {
    line.settings.push_back({option, value, name});
  }
  return {};
}

Result<CommandLine> read_command_line(std::span<const std::string> arguments) {
  CommandLine line;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    if (arguments[at] == "--help") line.action = ServerConfig::Action::show_help;
    if (arguments[at] == "--version") line.action = ServerConfig::Action::show_version;
    if (line.action != ServerConfig::Action::run) return line;
    TRY(read_argument(arguments, at, line));
  }
  return line;
}

}  // namespace

Result<ServerConfig> parse_config(std::span<const std::string> arguments) {
  ServerConfig config;
  config.threads = std::clamp(std::thread::hardware_concurrency(), 1U, 256U);
  const CommandLine line = TRY(read_command_line(arguments));
  config.action = line.action;
  if (line.action != ServerConfig::Action::run) return config;
  if (!line.file.empty()) {
    const std::vector<Setting> from_file = TRY(read_file(line.file));
    TRY(apply_settings(config, from_file));
  }
  TRY(apply_settings(config, line.settings));
  if (config.tls_certificate.empty() != config.tls_key.empty())
    return Error{ErrorCode::invalid, "--tls-cert and --tls-key need each other"};
  if (config.control_token_file.empty()) config.control_token_file = config.data_dir + "/control-token";
  if (config.collection_root.empty()) config.collection_root = config.data_dir + "/collections";
  if (config.key_file.empty()) config.key_file = config.data_dir + "/secrets.key";
  return config;
}

std::string help_text() {
  std::string text = "tarnd: a live packaging origin\n\n  tarnd [options]\n\n";
  const auto line = [&text](const std::string& left, std::string_view right) {
    constexpr std::size_t column = 32;
    text += "  " + left + std::string(left.size() < column ? column - left.size() : 1, ' ') +
            std::string(right) + "\n";
  };
  const auto help_of = [](const Option& option) {
    const std::string preset = option.preset.empty() ? "" : "default " + std::string(option.preset);
    return std::string(option.help) + (option.help.empty() || preset.empty() ? "" : "; ") + preset;
  };
  for (const Option& option : options()) {
    line(
        "--" + std::string(option.name) + (option.argument.empty() ? "" : " ") + std::string(option.argument),
        help_of(option));
  }
  line("--config FILE", "the same options as JSON, without the dashes; the command line wins");
  line("--help, --version", "");
  return text;
}

std::string default_base_url(const ListenAddress& bound, std::string_view scheme) {
  const bool v6 = bound.host.find(':') != std::string::npos;
  std::string host = bound.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  return std::string{scheme} + "://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(bound.port);
}

Result<std::string> load_control_token(const std::string& path) {
  constexpr std::size_t token_bytes = 32;
  constexpr std::size_t least_characters = 16;
  constexpr std::size_t most_characters = 512;
  auto content = read_secret_file(path);
  if (!content && content.error().code == ErrorCode::not_found) {
    TRY(create_secret_file(path, random_hex(token_bytes) + "\n"));
    content = read_secret_file(path);
  }
  if (!content) return content.error();
  std::string token = std::move(content).value();
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  const bool visible = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!visible || token.size() < least_characters || token.size() > most_characters) {
    return malformed("the control token in " + path +
                     " must be one line of 16 to 512 visible ASCII characters");
  }
  return token;
}

}  // namespace tarn::server
