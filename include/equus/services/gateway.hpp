// How code that is no incarnation sends messages to a computation: a gateway is an incarnation that
// has a stream to an exported channel, takes encoded messages from its node's driver by one effect
// and gives the answers back by another. The launch makes one for each `open` of its driver
// (equus/host/asio.hpp has the other side).
//
// The gateway's stream is a stream like any other: messages leave in the order in which they were
// handed over, wait for credit, and are consumed once. While nobody has the channel's port the
// messages wait, each no longer than its deadline. References do not pass.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/fields.hpp>
#include <equus/base/ids.hpp>
#include <equus/base/result.hpp>
#include <equus/base/time.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus::gateway {

/// Request next_batch, reply batch. May stay unanswered for as long as there is nothing to send.
inline constexpr std::string_view next_effect = "equus.gateway.next";
/// Request answer, reply taken. Also the launch's, with id 0: the export cannot be opened.
inline constexpr std::string_view answer_effect = "equus.gateway.answer";

struct outside_message {
    std::uint64_t id = 0; ///< repeated in the answer; not 0
    std::string name;
    message_ordinal ordinal = 0;
    bool invoked = false; ///< the answer is the reply; otherwise that the stream has it
    duration within = for_ever;
    bytes body; ///< the message's encoding
    EQUUS_FIELDS(id, name, ordinal, invoked, within, body)
};
struct batch {
    std::vector<outside_message> messages;
    bool last = false; ///< the driver has no more: the gateway ends when all is answered
    EQUUS_FIELDS(messages, last)
};
struct next_batch {
    using reply = batch;
    std::uint64_t session = 0;
    EQUUS_FIELDS(session)
};

struct taken {
    bool wanted = true;
    EQUUS_FIELDS(wanted)
};
struct answer {
    using reply = taken;
    std::uint64_t session = 0;
    std::uint64_t id = 0;
    errc reason = errc::ok;
    std::string text;
    bytes body; ///< of an invocation: the reply's encoding
    EQUUS_FIELDS(session, id, reason, text, body)
};

} // namespace equus::gateway
