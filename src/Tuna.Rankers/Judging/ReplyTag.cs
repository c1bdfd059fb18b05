using System.Security.Cryptography;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>A word that marks the judge's own lines: a hash of everything that is judged, so that no candidate can contain it.</summary>
/// <remarks>It is a function of the request, so that the same row always asks the same question; a candidate that contained its tag would
/// have to contain its own hash.</remarks>
internal static class ReplyTag
{
    /// <summary>Hexadecimal digits in a tag.</summary>
    public const int Length = 12;

    public static string Of(RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        TextHash.Append(hash, request.Instruction);
        TextHash.Append(hash, request.Input ?? "");
        foreach (CandidateResponse candidate in request.Candidates)
            TextHash.Append(hash, candidate.Text);
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..Length];
    }
}
