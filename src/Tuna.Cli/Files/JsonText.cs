using System.Text.Encodings.Web;
using System.Text.Json;

namespace Tuna.Cli.Files;

/// <summary>How JSON is written for people: only what JSON demands is escaped.</summary>
internal static class JsonText
{
    public static JsonSerializerOptions Indented { get; } =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonSerializerOptions OneLine { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
