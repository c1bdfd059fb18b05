using System.Globalization;
using System.Security.Cryptography;
using Tuna.Ranking;

namespace Tuna.Rankers.Composition;

/// <summary>What makes two rows the same to a ranker: everything but the id.</summary>
internal static class RowKey
{
    public static string Of(RankingRequest request, string version)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        TextHash.Append(hash, version);
        TextHash.Append(hash, request.Instruction);
        TextHash.Append(hash, request.Input ?? "");
        TextHash.Append(hash, request.Reference ?? "");
        TextHash.Append(hash, request.PresentedOrder is { } order ? string.Join(',', order) : "");
        foreach (CandidateResponse candidate in request.Candidates)
        {
            TextHash.Append(hash, candidate.Text);
            TextHash.Append(hash, candidate.LogProb?.ToString("R", CultureInfo.InvariantCulture) ?? "");
            TextHash.Append(hash, candidate.TokenCount?.ToString(CultureInfo.InvariantCulture) ?? "");
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
