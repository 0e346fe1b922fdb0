#include "host/sim_svg.hpp"

#include <cstdio>

namespace equus::sim {

namespace {

constexpr const char* style = R"(
text { font: 12px Helvetica, Arial, sans-serif; fill: #1f2933; }
.title { font-size: 17px; font-weight: bold; }
.small { font-size: 10.5px; fill: #616e7c; }
.time { font-size: 10.5px; fill: #7b8794; text-anchor: end; }
.mid { text-anchor: middle; }
.end { text-anchor: end; }
.name { font-weight: bold; }
.said { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
.node { fill: #f5f7fa; stroke: #cbd2d9; }
.lane { stroke: #9aa5b1; stroke-width: 1.5; }
.gone { stroke: #f5f7fa; stroke-width: 4; }
.dead { stroke: #cbd2d9; stroke-width: 1.5; stroke-dasharray: 2 5; }
.busy { fill: #dbe9fb; stroke: #8fb4e3; }
.head { fill: #ffffff; stroke: #9aa5b1; }
.born { fill: #ffffff; stroke: #52606d; stroke-width: 1.5; }
.over { stroke: #52606d; stroke-width: 3; }
.message { stroke: #0b7a75; stroke-width: 1.6; fill: none; marker-end: url(#to-message); }
.invocation { stroke: #1f4fa3; stroke-width: 1.6; fill: none; marker-end: url(#to-invocation); }
.reply { stroke: #1f4fa3; stroke-width: 1.4; fill: none; stroke-dasharray: 6 4; marker-end: url(#to-invocation); }
.wrong { stroke: #c0392b; stroke-width: 1.4; fill: none; stroke-dasharray: 6 4; marker-end: url(#to-wrong); }
.never { stroke: #9aa5b1; stroke-width: 1.4; fill: none; stroke-dasharray: 3 4; }
.t-message { fill: #0b5c58; }
.t-invocation, .t-reply { fill: #173d80; }
.t-wrong, .bad { fill: #b42318; }
.t-never { fill: #7b8794; }
.cross { stroke: #c0392b; stroke-width: 2.2; }
.note { stroke: #e0a8a1; stroke-width: 1; stroke-dasharray: 1 3; }
.calm { stroke: #b8c4ce; stroke-width: 1; stroke-dasharray: 1 3; }
.paused { fill: #fdf0c8; stroke: #e3c566; }
.cut { stroke: #c0392b; stroke-width: 3; }
.silence { stroke: #d7dde3; stroke-width: 1; stroke-dasharray: 4 4; }
.verdict { fill: #fdecea; stroke: #c0392b; stroke-width: 1.5; }
.line { stroke: #c0392b; stroke-width: 2; }
)";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char each : text) {
        if (each == '&')
            out += "&amp;";
        else if (each == '<')
            out += "&lt;";
        else if (each == '>')
            out += "&gt;";
        else if (each == '"')
            out += "&quot;";
        else
            out += static_cast<unsigned char>(each) < 32 ? ' ' : each;
    }
    return out;
}

std::string attribute(const char* name, int value) {
    return std::string{" "} + name + "=\"" + std::to_string(value) + "\"";
}

std::string of_kind(std::string_view kind) {
    return " class=\"" + std::string{kind} + "\"";
}

/// The head of an arrow has its line's colour.
std::string arrow_head(const char* name, const char* colour) {
    return std::string{"<marker id=\"to-"} + name +
           "\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" "
           "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0,1 L10,5 L0,9 z\" fill=\"" +
           colour + "\"/></marker>\n";
}

} // namespace

void svg_page::line(std::string_view kind, int x1, int y1, int x2, int y2) {
    body_ += "<line" + of_kind(kind) + attribute("x1", x1) + attribute("y1", y1) +
             attribute("x2", x2) + attribute("y2", y2) + "/>\n";
}

void svg_page::box(std::string_view kind, int x, int y, int width, int height, int round) {
    body_ += "<rect" + of_kind(kind) + attribute("x", x) + attribute("y", y) +
             attribute("width", width) + attribute("height", height) + attribute("rx", round) +
             "/>\n";
}

void svg_page::circle(std::string_view kind, int x, int y, int radius) {
    body_ += "<circle" + of_kind(kind) + attribute("cx", x) + attribute("cy", y) +
             attribute("r", radius) + "/>\n";
}

void svg_page::loop(std::string_view kind, int x, int y1, int y2) {
    const std::string out = std::to_string(x + 40);
    const std::string end = std::to_string(y2);
    body_ += "<path" + of_kind(kind) + " d=\"M" + std::to_string(x) + "," + std::to_string(y1) +
             " C" + out + "," + std::to_string(y1) + " " + out + "," + end + " " +
             std::to_string(x + 6) + "," + end + "\"/>\n";
}

void svg_page::words(std::string_view kind, int x, int y, std::string_view text) {
    body_ += "<text" + of_kind(kind) + attribute("x", x) + attribute("y", y) + ">" + escaped(text) +
             "</text>\n";
}

void svg_page::cross(int x, int y) {
    line("cross", x - 5, y - 5, x + 5, y + 5);
    line("cross", x - 5, y + 5, x + 5, y - 5);
}

std::string svg_page::whole(int width, int height) const {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\"" + attribute("width", width) +
           attribute("height", height) + " viewBox=\"0 0 " + std::to_string(width) + " " +
           std::to_string(height) + "\">\n<style>" + style + "</style>\n<defs>\n" +
           arrow_head("message", "#0b7a75") + arrow_head("invocation", "#1f4fa3") +
           arrow_head("wrong", "#c0392b") +
           "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n" + body_ +
           "</svg>\n";
}

std::string clipped(std::string_view text, std::size_t characters) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xc0u) != 0x80u && ++count > characters)
            return std::string{text.substr(0, i)} + "…";
    return std::string{text};
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        while (line.size() > width) {
            const std::size_t space = line.rfind(' ', width);
            const std::size_t cut = space == std::string_view::npos || space == 0 ? width : space;
            lines.emplace_back(line.substr(0, cut));
            line = line.substr(line[cut] == ' ' ? cut + 1 : cut);
        }
        lines.emplace_back(line);
    }
    return lines;
}

std::string instant_text(std::int64_t ns) {
    char out[48];
    const long long us = ns / 1'000;
    if (us < 1'000'000)
        std::snprintf(out, sizeof out, "%lld.%03lld ms", us / 1'000, us % 1'000);
    else
        std::snprintf(out, sizeof out, "%lld.%06lld s", us / 1'000'000, us % 1'000'000);
    return out;
}
std::string span_text(std::int64_t ns) {
    const long long ms = ns / 1'000'000;
    if (ms < 1'000)
        return std::to_string(ms) + " ms";
    return std::to_string(ms / 1'000) + "." + std::to_string(ms % 1'000 / 100) + " s";
}

} // namespace equus::sim
