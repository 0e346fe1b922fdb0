#include "host/commands/context.hpp"

#include <algorithm>

namespace equus::commands {

namespace {

protocol_manifest describe(const detail::protocol_type& protocol) {
    protocol_manifest out;
    out.name = protocol.name;
    for (std::size_t i = 0; i < protocol.methods.size(); ++i) {
        const detail::method_type& method = protocol.methods[i];
        message_manifest message;
        message.name = method.name;
        message.ordinal = static_cast<std::uint16_t>(i);
        message.reply = method.reply_name;
        out.messages.push_back(std::move(message));
    }
    return out;
}

} // namespace

manifest describe_program(const context& with) {
    return describe_program(with.program, with.version, with.modules);
}

manifest describe_program(std::string program, std::string version, const module_table& modules) {
    manifest out;
    out.program = std::move(program);
    out.version = std::move(version);
#if defined(__x86_64__)
    out.targets = {"x86_64-linux"};
#elif defined(__aarch64__)
    out.targets = {"aarch64-linux"};
#else
    out.targets = {"linux"};
#endif
    for (const auto& [name, module] : modules.all()) {
        out.modules.push_back(module.description);
        for (const detail::protocol_type* protocol : module.protocols) {
            const bool known =
                std::any_of(out.protocols.begin(), out.protocols.end(),
                            [&](const protocol_manifest& p) { return p.name == protocol->name; });
            if (!known)
                out.protocols.push_back(describe(*protocol));
        }
    }
    out.services = modules.services();
    return out;
}

} // namespace equus::commands
