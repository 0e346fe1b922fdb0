// Answers tools (equus/services/control.hpp says what it can be asked).
#pragma once

#include <equus/effect.hpp>
#include <equus/incarnation.hpp>
#include <equus/services/control.hpp>
#include <equus/task_group.hpp>

#include <map>

namespace equus::services {

class control_service : public incarnation<control_service> {
public:
    task<> main();

private:
    struct asked_nodes {
        controlling::answer answer;
        std::map<node_id, node_status> known;
    };
    task<> serve(controlling::command asked);
    task<> ask(member_info member, duration within, asked_nodes* into);

    task_group serving_;
};

} // namespace equus::services
