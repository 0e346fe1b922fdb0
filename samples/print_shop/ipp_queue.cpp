#include "ipp_queue.hpp"

#include <cups/cups.h>

#include <array>
#include <memory>

namespace doc {

using namespace equus;

namespace {

/// For each of: to connect, and to hear anything at all.
constexpr int silence_ms_max = 20'000;
/// A name's octets in IPP (RFC 8011, 5.1.3).
constexpr std::size_t name_bytes_max = 255;

using connection = std::unique_ptr<http_t, decltype([](http_t* open) { httpClose(open); })>;
using message = std::unique_ptr<ipp_t, decltype([](ipp_t* made) { ippDelete(made); })>;

/// A queue that has been dialled.
struct queue {
    connection http;
    std::string uri;
    std::string resource;

    static result<queue> dial(const std::string& uri) {
        std::array<char, 32> scheme{};
        std::array<char, 256> user{};
        std::array<char, 256> host{};
        std::array<char, 1024> resource{};
        int port = 0;
        const auto parsed = httpSeparateURI(HTTP_URI_CODING_ALL, uri.c_str(), scheme.data(),
                                            scheme.size(), user.data(), user.size(), host.data(),
                                            host.size(), &port, resource.data(), resource.size());
        const std::string_view kind{scheme.data()};
        if (parsed != HTTP_URI_STATUS_OK || (kind != "ipp" && kind != "ipps") ||
            std::string_view{resource.data()}.size() < 2)
            return fail(errc::invalid_argument,
                        "device '" + uri + "' is not of the form ipp://HOST:PORT/printers/NAME");
        // Nobody sits at a node to type a password.
        cupsSetPasswordCB2([](const char*, http_t*, const char*, const char*,
                              void*) -> const char* { return nullptr; },
                           nullptr);
        queue out;
        out.uri = uri;
        out.resource = resource.data();
        out.http.reset(
            httpConnect2(host.data(), port, nullptr, AF_UNSPEC,
                         kind == "ipps" ? HTTP_ENCRYPTION_ALWAYS : HTTP_ENCRYPTION_IF_REQUESTED, 1,
                         silence_ms_max, nullptr));
        if (!out.http)
            return fail(errc::io_failed,
                        "no print server at '" + uri + "': " + cupsLastErrorString());
        httpSetTimeout(
            out.http.get(), silence_ms_max / 1000.0, [](http_t*, void*) { return 0; }, nullptr);
        return out;
    }

    message request(ipp_op_t what) const {
        message made{ippNewRequest(what)};
        ippAddString(made.get(), IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", nullptr,
                     uri.c_str());
        ippAddString(made.get(), IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", nullptr,
                     cupsUser());
        return made;
    }

    /// Sends it, with `data` behind it, and hears the answer. No request is sent twice here.
    result<message> ask(message asked, std::span<const std::byte> data = {}) {
        const std::size_t head_bytes = ippLength(asked.get());
        http_status_t status =
            cupsSendRequest(http.get(), asked.get(), resource.c_str(), head_bytes + data.size());
        if (status == HTTP_STATUS_CONTINUE && !data.empty())
            status = cupsWriteRequestData(http.get(), reinterpret_cast<const char*>(data.data()),
                                          data.size());
        // Of a request that has not left as a whole there may be an answer all the same.
        message heard{cupsGetResponse(http.get(), resource.c_str())};
        if (!heard && status == HTTP_STATUS_CONTINUE)
            status = httpGetStatus(http.get());
        if (status == HTTP_STATUS_UNAUTHORIZED || status == HTTP_STATUS_FORBIDDEN ||
            status == HTTP_STATUS_CUPS_AUTHORIZATION_CANCELED)
            return fail(errc::access_denied,
                        "'" + uri + "' wants to know who prints, and a node has no password");
        if (!heard)
            return fail(errc::maybe_delivered, "'" + uri + "' does not answer: " + words());
        const ipp_status_t said = ippGetStatusCode(heard.get());
        if (said < IPP_STATUS_REDIRECTION_OTHER_SITE)
            return heard;
        return fail(code_of(said), "'" + uri + "': " + words());
    }

private:
    static std::string words() {
        const char* said = cupsLastErrorString();
        return said != nullptr && *said != '\0' ? said : "no reason is given";
    }
    static errc code_of(ipp_status_t said) {
        switch (said) {
        case IPP_STATUS_ERROR_NOT_FOUND:
        case IPP_STATUS_ERROR_GONE:
            return errc::not_found;
        case IPP_STATUS_ERROR_FORBIDDEN:
        case IPP_STATUS_ERROR_NOT_AUTHENTICATED:
        case IPP_STATUS_ERROR_NOT_AUTHORIZED:
            return errc::access_denied;
        default:
            return errc::refused;
        }
    }
};

std::string text_of(ipp_t* from, const char* attribute) {
    ipp_attribute_t* found = ippFindAttribute(from, attribute, IPP_TAG_ZERO);
    const char* text = found != nullptr ? ippGetString(found, 0, nullptr) : nullptr;
    return text != nullptr ? text : "";
}

job_phase phase_of(int state) {
    switch (static_cast<ipp_jstate_t>(state)) {
    case IPP_JSTATE_HELD:
        return job_phase::held;
    case IPP_JSTATE_COMPLETED:
        return job_phase::completed;
    case IPP_JSTATE_CANCELED:
        return job_phase::cancelled;
    case IPP_JSTATE_ABORTED:
        return job_phase::aborted;
    default:
        return job_phase::going;
    }
}

/// Adds one job of an answer to Get-Jobs to `out` if it is of that key.
void add_job(const std::string& key, const std::string& name, job_seen job,
             std::vector<job_seen>& out) {
    if (job.number != 0 && name.starts_with(key) &&
        (name.size() == key.size() || name[key.size()] == ' '))
        out.push_back(std::move(job));
}

std::vector<job_seen> jobs_in(ipp_t* answer, const std::string& key) {
    std::vector<job_seen> out;
    job_seen job;
    std::string name;
    for (ipp_attribute_t* each = ippFirstAttribute(answer); each != nullptr;
         each = ippNextAttribute(answer)) {
        const char* what = ippGetName(each);
        if (what == nullptr) { // between two jobs
            add_job(key, name, std::exchange(job, {}), out);
            name.clear();
            continue;
        }
        if (ippGetGroupTag(each) != IPP_TAG_JOB)
            continue;
        const std::string_view field{what};
        const char* text = ippGetString(each, 0, nullptr);
        if (field == "job-id")
            job.number = static_cast<std::uint32_t>(ippGetInteger(each, 0));
        else if (field == "job-state")
            job.phase = phase_of(ippGetInteger(each, 0));
        else if (field == "job-name" && text != nullptr)
            name = text;
        else if (field == "job-printer-state-message" && text != nullptr)
            job.said = text;
    }
    add_job(key, name, std::move(job), out);
    return out;
}

} // namespace

std::string job_name(const std::string& key, const std::string& name) {
    std::string all = key + " " + name;
    if (all.size() <= name_bytes_max)
        return all;
    std::size_t end = name_bytes_max;
    while (end > key.size() && (static_cast<unsigned char>(all[end]) & 0xc0) == 0x80)
        --end;
    all.resize(end);
    return all;
}

result<queue_seen> look_at(const look_at_queue& asked) {
    auto at = queue::dial(asked.queue);
    if (!at)
        return fail(std::move(at.error()));
    static constexpr std::array<const char*, 3> of_printer{"printer-state", "printer-state-message",
                                                           "printer-is-accepting-jobs"};
    message question = at->request(IPP_OP_GET_PRINTER_ATTRIBUTES);
    ippAddStrings(question.get(), IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
                  of_printer.size(), nullptr, of_printer.data());
    auto printer = at->ask(std::move(question));
    if (!printer)
        return fail(std::move(printer.error()));
    queue_seen out;
    if (ipp_attribute_t* found =
            ippFindAttribute(printer->get(), "printer-is-accepting-jobs", IPP_TAG_BOOLEAN))
        out.accepting = ippGetBoolean(found, 0) != 0;
    if (ipp_attribute_t* found = ippFindAttribute(printer->get(), "printer-state", IPP_TAG_ENUM))
        out.stopped = ippGetInteger(found, 0) == IPP_PSTATE_STOPPED;
    if (!out.accepting || out.stopped) {
        const std::string said = text_of(printer->get(), "printer-state-message");
        out.said = "the queue '" + asked.queue + "' " +
                   (out.stopped ? "has stopped" : "takes no jobs") +
                   (said.empty() ? "" : ": " + said);
    }

    static constexpr std::array<const char*, 4> of_job{"job-id", "job-name", "job-state",
                                                       "job-printer-state-message"};
    question = at->request(IPP_OP_GET_JOBS);
    ippAddString(question.get(), IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", nullptr, "all");
    ippAddBoolean(question.get(), IPP_TAG_OPERATION, "my-jobs", 1);
    ippAddStrings(question.get(), IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
                  of_job.size(), nullptr, of_job.data());
    auto jobs = at->ask(std::move(question));
    if (!jobs)
        return fail(std::move(jobs.error()));
    out.jobs = jobs_in(jobs->get(), asked.key);
    return out;
}

result<job_entered> enter(const enter_job& asked) {
    auto at = queue::dial(asked.queue);
    if (!at)
        return fail(std::move(at.error()));
    message question = at->request(IPP_OP_PRINT_JOB);
    ippAddString(question.get(), IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", nullptr,
                 job_name(asked.key, asked.name).c_str());
    ippAddString(question.get(), IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", nullptr,
                 "application/pdf");
    ippAddString(question.get(), IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-hold-until", nullptr,
                 "indefinite");
    auto answer = at->ask(std::move(question), asked.pdf.span());
    if (!answer)
        return fail(std::move(answer.error()));
    ipp_attribute_t* number = ippFindAttribute(answer->get(), "job-id", IPP_TAG_INTEGER);
    if (number == nullptr)
        return fail(errc::maybe_delivered, "'" + asked.queue + "' gives no number to a job");
    return job_entered{static_cast<std::uint32_t>(ippGetInteger(number, 0))};
}

result<job_changed> change(const change_job& asked) {
    auto at = queue::dial(asked.queue);
    if (!at)
        return fail(std::move(at.error()));
    message question =
        at->request(asked.change == job_change::release ? IPP_OP_RELEASE_JOB : IPP_OP_CANCEL_JOB);
    ippAddInteger(question.get(), IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id",
                  static_cast<int>(asked.number));
    auto answer = at->ask(std::move(question));
    if (answer)
        return job_changed{true};
    if (answer.error() == errc::refused || answer.error() == errc::not_found)
        return job_changed{false}; // it is further than that
    return fail(std::move(answer.error()));
}

} // namespace doc
