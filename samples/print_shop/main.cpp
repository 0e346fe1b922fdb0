#include "ipp_queue.hpp"
#include "shop.hpp"
#include "simulated_shop.hpp"
#include "typeset/typeset.hpp"

#include <equus/host/main.hpp>

namespace {

equus::result<doc::pages_set> set_in_type(doc::set_in_type job) {
    auto pages = doc::typeset(doc::document{job.name, std::string{job.text.text()}});
    if (!pages)
        return equus::fail(std::move(pages.error()));
    return doc::pages_set{std::move(*pages)};
}

equus::result<doc::bound> bind_pages(doc::bind_pages job) {
    auto book = doc::collate(job.title, job.pages);
    if (!book)
        return equus::fail(std::move(book.error()));
    return doc::bound{std::move(*book)};
}

} // namespace

int main(int argc, char** argv) {
    equus::main m{argc, argv};
    doc::add_print_shop(m.modules());
    m.effect<doc::set_in_type>(std::string{doc::set_effect}, set_in_type);
    m.effect<doc::bind_pages>(std::string{doc::bind_effect}, bind_pages);
    m.effect<doc::look_at_queue>(std::string{doc::look_effect}, doc::look_at);
    m.effect<doc::enter_job>(std::string{doc::enter_effect}, doc::enter);
    m.effect<doc::change_job>(std::string{doc::change_effect}, doc::change);
    m.scenario(doc::simulated_shop());
    return m.run();
}
