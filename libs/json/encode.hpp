#pragma once

// json::encode(T): the JSON text of a described struct; an empty std::optional is left out.
// The same member types as decode.hpp.
