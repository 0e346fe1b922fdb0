// A page of SVG under construction, in whole pixels, so that the same strokes are the same bytes
// everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus::sim {

class svg_page {
public:
    /// `kind`: a class of the style sheet in sim_svg.cpp.
    void line(std::string_view kind, int x1, int y1, int x2, int y2);
    void box(std::string_view kind, int x, int y, int width, int height, int round);
    void circle(std::string_view kind, int x, int y, int radius);
    /// From the right end of `y1` and back to `y2`: an arrow to where it began.
    void loop(std::string_view kind, int x, int y1, int y2);
    void words(std::string_view kind, int x, int y, std::string_view text);
    void cross(int x, int y);

    /// The whole file.
    std::string whole(int width, int height) const;

private:
    std::string body_;
};

/// At most so many characters of UTF-8; what is left out is an ellipsis.
std::string clipped(std::string_view text, std::size_t characters);
/// Lines of about so many characters, broken at spaces.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);
/// "12.345 ms", "1.234567 s".
std::string instant_text(std::int64_t ns);
/// "20 ms", "1.2 s".
std::string span_text(std::int64_t ns);

} // namespace equus::sim
