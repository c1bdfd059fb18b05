using System.Security.Cryptography;
using System.Text;

namespace Tuna.Rankers;

/// <summary>Hashes several texts as one.</summary>
internal static class TextHash
{
    /// <summary>Adds a text and its length, which keeps ("ab", "c") apart from ("a", "bc").</summary>
    public static void Append(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        hash.AppendData(BitConverter.GetBytes(bytes.Length));
        hash.AppendData(bytes);
    }
}
